//! `/console`: what operators see in a browser. Static files that are part of the program; they ask the admin API, with the
//! token that the operator gives them, and nobody else.

/// The files by path: content type and content.
static FILES: [(&str, &str, &str); 3] = [
    ("/console", "text/html; charset=utf-8", include_str!("console/page.html")),
    ("/console/style.css", "text/css; charset=utf-8", include_str!("console/style.css")),
    ("/console/script.js", "text/javascript; charset=utf-8", include_str!("console/script.js")),
];

/// The file at a path: its content type and content.
pub fn file(path: &str) -> Option<(&'static str, &'static str)> {
    let path = path.strip_suffix('/').unwrap_or(path);
    FILES.iter().find(|(at, ..)| *at == path).map(|(_, content_type, content)| (*content_type, *content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_no_other_host_and_what_it_loads_is_here() {
        for (path, _, content) in FILES {
            assert!(!content.contains("http://") && !content.contains("https://"), "{path}");
        }
        let (_, page) = file("/console/").unwrap_or_default();
        for path in ["/console/style.css", "/console/script.js"] {
            assert!(page.contains(path) && file(path).is_some(), "{path}");
        }
        assert_eq!(file("/console/../Cargo.toml"), None);
    }
}
