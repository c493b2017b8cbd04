//! The tables of `docs/admin.md`, made from the tables of endpoints and codes; a test holds the page against them.

use std::fmt::Write;

use super::{errors, table};
use crate::http::field::{Method, Place};

/// One row per endpoint.
pub fn endpoints() -> String {
    let mut page =
        String::from("| Request | Role | What it does | Fields | `data` |\n|---|---|---|---|---|\n");
    for endpoint in table::ENDPOINTS {
        let role = if endpoint.method == Method::Get { "viewer" } else { "operator" };
        let fields = endpoint.fields.iter().filter(|field| field.place != Place::Path);
        let fields: Vec<String> = fields
            .map(|field| format!("`{}`{}", field.name, if field.required { "*" } else { "" }))
            .collect();
        let (method, path, summary, data) =
            (endpoint.method.as_str(), endpoint.path, endpoint.summary, endpoint.data.replace('|', "\\|"));
        // Writing to a String cannot fail.
        let _ =
            writeln!(page, "| `{method} {path}` | {role} | {summary} | {} | `{data}` |", fields.join(", "));
    }
    page
}

/// One row per code.
pub fn codes() -> String {
    let mut page = String::from("| Code | Name | Meaning |\n|---|---|---|\n");
    for code in errors::TABLE {
        let _ = writeln!(page, "| {} | {} | {} |", code.number, code.name, code.text);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_docs_has_the_tables_of_endpoints_and_codes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/admin.md");
        let written = std::fs::read_to_string(path).unwrap_or_default();
        let mut wanted = written.clone();
        for (name, table) in [("endpoints", endpoints()), ("codes", codes())] {
            let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
            let Some((before, rest)) = wanted.split_once(&start) else { panic!("{start} is missing") };
            let Some((_, after)) = rest.split_once(&end) else { panic!("{end} is missing") };
            wanted = format!("{before}{start}{table}{end}{after}");
        }
        if std::env::var_os("WRITE_DOCS").is_some() {
            assert!(std::fs::write(path, &wanted).is_ok(), "cannot write {path}");
            return;
        }
        assert!(written == wanted, "docs/admin.md lacks rows: run the tests once with WRITE_DOCS=1");
    }
}
