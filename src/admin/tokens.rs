//! Who may ask on the admin listener: bearer tokens with a role and a name.

/// The shortest token: nobody guesses 16 random letters over the network.
const MIN_TOKEN: usize = 16;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Looking.
    Viewer,
    /// Looking and doing.
    Operator,
}

impl Role {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// Whom a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The name in the audit.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// All tokens.
#[derive(Clone, Default)]
pub struct Tokens(Vec<(Holder, String)>);

impl Tokens {
    /// Reads entries `role name token`, separated by commas or line ends; lines that begin with # are comments.
    ///
    /// # Errors
    /// Which entry cannot be used and why; never the token.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
        let entries = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|entry| !entry.is_empty());
        let mut tokens: Vec<(Holder, String)> = Vec::new();
        for (number, entry) in (1..).zip(entries) {
            let (holder, token) = entry_of(entry).map_err(|why| format!("entry {number}: {why}"))?;
            if tokens.iter().any(|(_, other)| *other == token) {
                return Err(format!("entry {number}: its token is used twice"));
            }
            tokens.push((holder, token));
        }
        Ok(Self(tokens))
    }

    /// Whether nobody may ask.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whom `token` belongs to. Takes the same time whatever is wrong with it.
    pub fn holder(&self, token: &str) -> Option<&Holder> {
        let mut found = None;
        for (holder, known) in &self.0 {
            if same(known.as_bytes(), token.as_bytes()) {
                found = Some(holder);
            }
        }
        found
    }
}

fn entry_of(entry: &str) -> Result<(Holder, String), String> {
    let words: Vec<&str> = entry.split_whitespace().collect();
    let [role, name, token] = words.as_slice() else {
        return Err("it is not `role name token`".to_owned());
    };
    let role = match *role {
        "viewer" => Role::Viewer,
        "operator" => Role::Operator,
        _ => return Err("the role is viewer or operator".to_owned()),
    };
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    if token.len() < MIN_TOKEN || !token.chars().all(plain) {
        return Err(format!(
            "the token has fewer than {MIN_TOKEN} letters, or others than letters, digits, - and _"
        ));
    }
    if name.len() > 64 {
        return Err("the name is longer than 64 bytes".to_owned());
    }
    Ok((Holder { name: (*name).to_owned(), role }, (*token).to_owned()))
}

/// Compares without stopping at the first difference.
fn same(known: &[u8], given: &[u8]) -> bool {
    let length = known.len() == given.len();
    let padded = given.iter().chain(std::iter::repeat(&0));
    known.iter().zip(padded).fold(0, |different, (left, right)| different | (left ^ right)) == 0 && length
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot write its own input has failed")]

    use super::*;

    #[test]
    fn entries_are_read_and_a_token_names_its_holder() {
        let text = "# of the desk\noperator ann 0123456789abcdef\nviewer bo fedcba9876543210, viewer tv aaaa-bbbb_cccc-dddd";
        let tokens = Tokens::parse(text).unwrap();
        assert_eq!(tokens.holder("0123456789abcdef").map(|holder| holder.role), Some(Role::Operator));
        assert_eq!(tokens.holder("aaaa-bbbb_cccc-dddd").map(|holder| holder.name.as_str()), Some("tv"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"] {
            assert_eq!(tokens.holder(wrong), None, "{wrong}");
        }
        assert!(Tokens::parse("").unwrap().is_empty());
    }

    #[test]
    fn an_entry_that_cannot_be_used_is_named_without_its_token() {
        for wrong in ["admin ann hunter2hunter2hunter2", "viewer ann hunter2", "viewer hunter2hunter2hunter2"]
        {
            let why = Tokens::parse(&format!("viewer a 0123456789abcdef,{wrong}")).err().unwrap();
            assert!(why.contains("entry 2") && !why.contains("hunter2"), "{why}");
        }
        assert!(Tokens::parse("viewer a 0123456789abcdef,viewer b 0123456789abcdef").is_err());
    }
}
