//! The visible text of a page, for tests.

/// Returns the visible text of a page, without its drawings.
pub fn text(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let until = ["<style", "<svg"].iter().find(|tag| rest.starts_with(**tag));
        let end = match until {
            Some(&"<style") => "</style>",
            Some(_) => "</svg>",
            None => ">",
        };
        let tag = &rest[..rest.find('>').map_or(rest.len(), |at| at)];
        let inline = ["b", "i", "code", "bdi", "span", "/b", "/code", "/bdi", "/span"];
        let name = tag.trim_start_matches('<').split(' ').next().unwrap_or_default();
        text.push_str(match name {
            "td" | "th" | "dd" => " ",
            name if inline.contains(&name) || name.starts_with("/t") || name == "/dt" => "",
            _ => "\n",
        });
        rest = rest.find(end).map_or("", |at| &rest[at + end.len()..]);
    }
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines
        .join("\n")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
}
