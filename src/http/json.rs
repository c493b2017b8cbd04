//! JSON as Go's decoder reads it: checks a whole value without recursion, keeps only what is asked for.
//!
//! Guarantees: no depth of nesting, no size of number and no byte sequence makes it fail in another way than
//! with [`Syntax`]; invalid UTF-8 and lone surrogates become U+FFFD, one for each byte as Go does; bytes after
//! the value are not looked at.

#[cfg(test)]
mod tests;
pub mod writer;

/// The text is no JSON value: where and why. Carries no content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at byte {at}")]
pub struct Syntax {
    /// Offset of the byte that does not fit.
    pub at: usize,
    /// What is wrong.
    pub problem: &'static str,
}

/// A value that was checked but not read: its text, without blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(&'a [u8]);

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

impl Shape {
    /// Its name in error texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "array",
            Self::Object => "object",
        }
    }
}

impl<'a> Raw<'a> {
    /// What it is: the first byte tells.
    pub fn shape(self) -> Shape {
        match self.0.first() {
            Some(b'n') => Shape::Null,
            Some(b't' | b'f') => Shape::Bool,
            Some(b'"') => Shape::Text,
            Some(b'[') => Shape::List,
            Some(b'{') => Shape::Object,
            _ => Shape::Number,
        }
    }

    /// A number's literal; for other shapes their text.
    pub fn literal(self) -> String {
        utf8_as_go(self.0)
    }

    /// The integer, when it is one: no fraction, no exponent, within int64.
    pub fn integer(self) -> Option<i64> {
        std::str::from_utf8(self.0).ok()?.parse().ok()
    }

    /// Whether it is `true`.
    pub fn is_true(self) -> bool {
        self.0 == b"true"
    }

    /// A text's content; empty for other shapes.
    pub fn text(self) -> String {
        unquote(between_quotes(self.0))
    }

    /// A list's elements; empty for other shapes.
    pub fn elements(self) -> Vec<Raw<'a>> {
        let mut elements = Vec::new();
        if self.shape() != Shape::List {
            return elements;
        }
        let mut scanner = Scanner { text: self.0, at: 1 };
        scanner.blanks();
        while !matches!(scanner.peek(), None | Some(b']')) {
            let Ok(element) = scanner.value() else { break }; // checked before: cannot happen
            elements.push(element);
            scanner.blanks();
            if scanner.peek() == Some(b',') {
                scanner.at += 1;
            }
        }
        elements
    }
}

/// What the first value of a body is.
#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    /// An object; its members went to the visitor.
    Object,
    /// Something else.
    Other(Shape),
}

/// Reads the first value of `text`. Each member of a top-level object goes to `visit`, in order and with
/// duplicates; nothing may be done with what was visited unless this returns `Ok`.
pub fn read_object<'a>(text: &'a [u8], mut visit: impl FnMut(&[u8], Raw<'a>)) -> Result<Body, Syntax> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.blanks();
    if scanner.peek() != Some(b'{') {
        return Ok(Body::Other(scanner.value()?.shape()));
    }
    scanner.at += 1;
    scanner.blanks();
    if scanner.peek() == Some(b'}') {
        return Ok(Body::Object);
    }
    loop {
        let key = scanner.key()?;
        let value = scanner.value()?;
        if key.contains(&b'\\') {
            visit(unquote(key).as_bytes(), value);
        } else {
            visit(key, value);
        }
        scanner.blanks();
        match scanner.peek() {
            Some(b',') => scanner.at += 1,
            Some(b'}') => return Ok(Body::Object),
            _ => return Err(scanner.problem("expected , or }")),
        }
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn problem(&self, expected: &'static str) -> Syntax {
        let problem = if self.at < self.text.len() { expected } else { "unexpected end" };
        Syntax { at: self.at, problem }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn since(&self, start: usize) -> &'a [u8] {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A key and its colon; gives what stands between the quotes.
    fn key(&mut self) -> Result<&'a [u8], Syntax> {
        self.blanks();
        let start = self.at;
        if self.peek() != Some(b'"') {
            return Err(self.problem("expected a key"));
        }
        self.string()?;
        let quoted = self.since(start);
        self.blanks();
        if self.peek() != Some(b':') {
            return Err(self.problem("expected :"));
        }
        self.at += 1;
        Ok(between_quotes(quoted))
    }

    /// One value, whatever is in it. What is open is kept on a list, not on the stack.
    fn value(&mut self) -> Result<Raw<'a>, Syntax> {
        self.blanks();
        let start = self.at;
        let mut open: Vec<u8> = Vec::new(); // the closing bytes awaited
        loop {
            self.blanks();
            let closing = match self.peek() {
                Some(b'{') => b'}',
                Some(b'[') => b']',
                _ => {
                    self.scalar()?;
                    if self.after_value(&mut open)? {
                        return Ok(Raw(self.since(start)));
                    }
                    continue;
                }
            };
            self.at += 1;
            self.blanks();
            if self.peek() != Some(closing) {
                open.push(closing);
                if closing == b'}' {
                    self.key()?;
                }
                continue;
            }
            self.at += 1;
            if self.after_value(&mut open)? {
                return Ok(Raw(self.since(start)));
            }
        }
    }

    /// Passes what follows a complete value, up to where the next one begins. Whether nothing is open any more.
    fn after_value(&mut self, open: &mut Vec<u8>) -> Result<bool, Syntax> {
        while let Some(&closing) = open.last() {
            self.blanks();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if closing == b'}' {
                        self.key()?;
                    }
                    return Ok(false);
                }
                Some(byte) if byte == closing => {
                    self.at += 1;
                    open.pop();
                }
                _ => return Err(self.problem("expected , or the end of what is open")),
            }
        }
        Ok(true)
    }

    fn scalar(&mut self) -> Result<(), Syntax> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.problem("expected a value")),
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), Syntax> {
        for &byte in word {
            if self.peek() != Some(byte) {
                return Err(self.problem("expected true, false or null"));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), Syntax> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Syntax> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.problem("expected a digit")) } else { Ok(()) }
    }

    fn string(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                None | Some(0..=0x1f) => return Err(self.problem("control character in a string")),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Result<(), Syntax> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.problem("expected four hexadecimal digits"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.problem("unknown escape")),
        }
        Ok(())
    }
}

fn between_quotes(quoted: &[u8]) -> &[u8] {
    quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or_default()
}

/// The content of a checked text.
fn unquote(quoted: &[u8]) -> String {
    let mut content = String::with_capacity(quoted.len());
    let mut rest = quoted;
    while let Some(backslash) = rest.iter().position(|&byte| byte == b'\\') {
        let (plain, escaped) = rest.split_at(backslash);
        push_utf8(&mut content, plain);
        rest = push_escape(&mut content, escaped);
    }
    push_utf8(&mut content, rest);
    content
}

/// Reads one escape; gives what follows it.
fn push_escape<'a>(content: &mut String, escaped: &'a [u8]) -> &'a [u8] {
    let (taken, character) = match escaped.get(1) {
        Some(b'b') => (2, '\u{8}'),
        Some(b'f') => (2, '\u{c}'),
        Some(b'n') => (2, '\n'),
        Some(b'r') => (2, '\r'),
        Some(b't') => (2, '\t'),
        Some(b'u') => utf16(escaped),
        Some(&other) => (2, char::from(other)),
        None => (1, char::REPLACEMENT_CHARACTER),
    };
    content.push(character);
    escaped.get(taken..).unwrap_or_default()
}

/// One `\uXXXX`, or two that are a pair: how many bytes, and which character. A lone surrogate is U+FFFD.
fn utf16(escaped: &[u8]) -> (usize, char) {
    let Some(first) = unit(escaped) else { return (6, char::REPLACEMENT_CHARACTER) };
    if let Some(character) = char::from_u32(u32::from(first)) {
        return (6, character);
    }
    let second = escaped.get(6..).and_then(unit);
    let pair = second.and_then(|second| char::decode_utf16([first, second]).next());
    match pair {
        Some(Ok(character)) => (12, character),
        _ => (6, char::REPLACEMENT_CHARACTER),
    }
}

fn unit(escaped: &[u8]) -> Option<u16> {
    let digits = escaped.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn push_utf8(content: &mut String, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        content.push_str(chunk.valid());
        for _ in chunk.invalid() {
            content.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

/// Bytes as text: each byte that is not part of valid UTF-8 becomes one U+FFFD, as Go has it.
pub fn utf8_as_go(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_utf8(&mut text, bytes);
    text
}
