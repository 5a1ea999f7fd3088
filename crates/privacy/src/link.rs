//! Where a text could carry a value away: in a URL, in the target of a Markdown link, in an HTML attribute.

/// Follows a text character by character and says whether what comes next would be part of an address, as pages
/// read it that render Markdown, HTML or bare links. Where these differ, the strictest reading counts: a value
/// that stays a placeholder is a nuisance, one that an image's address takes along is a leak.
#[derive(Default)]
pub(crate) struct LinkContext {
    run: Run,
    markup: Markup,
}

impl LinkContext {
    /// Whether a value would be carried away here.
    pub(crate) fn carries(&self) -> bool {
        let in_target = matches!(
            self.markup,
            Markup::TargetStart { .. }
                | Markup::Target { .. }
                | Markup::AngleTarget { .. }
                | Markup::AttributeStart
                | Markup::Value(_)
        );
        in_target || self.run.is_url
    }

    /// Text that the reply brought.
    pub(crate) fn push(&mut self, text: &str) {
        for c in text.chars() {
            self.run.push(c);
            self.markup = self.markup.next(c);
        }
    }

    /// A value of ours. It opens nothing, whatever it holds, unless it is a URL: then more may not be added to it.
    pub(crate) fn push_value(&mut self, value: &str) {
        self.push("x");
        self.run.is_url |= value.contains("://");
    }
}

/// What stands between two white spaces: a bare URL is one.
#[derive(Default)]
struct Run {
    is_url: bool,
    /// The last characters, in lower case.
    last: [char; 7],
    /// Letters since a dot inside a word: what may be a top-level domain.
    top_level: Option<u32>,
}

impl Run {
    fn push(&mut self, c: char) {
        // As linkifiers do: no-break spaces and quotation marks do not end a URL.
        if c.is_ascii_whitespace() || c == '<' {
            *self = Self::default();
            return;
        }
        let before = self.last[6];
        self.last.rotate_left(1);
        self.last[6] = c.to_ascii_lowercase();

        // `https://`, `//`, and `/\`, which browsers take for the same.
        let slashes =
            matches!((before, c), ('/', '/' | '\\') | ('\\', '/')) || (before == ':' && c == '\\');
        let host = self.last.ends_with(&['w', 'w', 'w', '.']);
        let mail = self.last == ['m', 'a', 'i', 'l', 't', 'o', ':'];
        // `example.com/…` without a scheme.
        let path =
            matches!(c, '/' | '?' | '#') && self.top_level.is_some_and(|letters| letters > 1);
        self.is_url |= slashes || host || mail || path;

        self.top_level = match (c, self.top_level) {
            ('.', _) if before.is_alphanumeric() => Some(0),
            ('0'..='9' | '-' | ':', letters) => letters,
            (c, Some(letters)) if c.is_alphabetic() => Some(letters + 1),
            _ => None,
        };
    }
}

/// Where in Markdown or HTML a character stands.
#[derive(Clone, Copy, Default)]
enum Markup {
    #[default]
    Text,
    /// After `]`.
    LinkText,
    /// After `](` and white space.
    TargetStart {
        line_breaks: u8,
    },
    /// In `](…)`, title included.
    Target {
        open: u32,
        escaped: bool,
        blank_line: bool,
    },
    /// After `]:` and white space: a definition may follow.
    DefinitionStart,
    /// In `<…>` as the target of a link or a definition.
    AngleTarget {
        of_link: bool,
        escaped: bool,
    },
    /// After `<`.
    TagStart,
    TagName,
    /// In a tag, between the values of attributes.
    Tag,
    /// After `=` and white space.
    AttributeStart,
    /// In an attribute's value, up to this quotation mark.
    Value(Option<char>),
}

impl Markup {
    fn next(self, c: char) -> Self {
        let target = |open| Self::Target {
            open,
            escaped: c == '\\',
            blank_line: false,
        };
        match (self, c) {
            (Self::LinkText, '(') => Self::TargetStart { line_breaks: 0 },
            (Self::LinkText, ':') => Self::DefinitionStart,

            (Self::TargetStart { line_breaks: 1.. }, '\n') => Self::Text,
            (Self::TargetStart { .. }, '\n') => Self::TargetStart { line_breaks: 1 },
            (Self::TargetStart { .. }, '<') => Self::AngleTarget {
                of_link: true,
                escaped: false,
            },
            (Self::TargetStart { .. }, ')') => Self::Text,
            (Self::TargetStart { .. }, '(') => target(1),
            (Self::TargetStart { .. }, c) if c.is_ascii_whitespace() => self,
            (Self::TargetStart { .. }, _) => target(0),

            (
                Self::Target {
                    open,
                    escaped: true,
                    ..
                },
                _,
            ) => Self::Target {
                open,
                escaped: false,
                blank_line: false,
            },
            (
                Self::Target {
                    blank_line: true, ..
                },
                '\n',
            ) => Self::Text,
            (Self::Target { open, .. }, '\n') => Self::Target {
                open,
                escaped: false,
                blank_line: true,
            },
            (Self::Target { .. }, ' ' | '\t' | '\r') => self,
            (Self::Target { open: 0, .. }, ')') => Self::Text,
            (Self::Target { open, .. }, ')') => target(open - 1),
            (Self::Target { open, .. }, '(') => target(open.saturating_add(1)),
            (Self::Target { open, .. }, _) => target(open),

            (Self::DefinitionStart, '<') => Self::AngleTarget {
                of_link: false,
                escaped: false,
            },
            (Self::DefinitionStart, c) if c.is_ascii_whitespace() => self,

            (
                Self::AngleTarget {
                    of_link,
                    escaped: true,
                },
                _,
            ) => Self::AngleTarget {
                of_link,
                escaped: false,
            },
            (Self::AngleTarget { of_link: true, .. }, '>') => target(0),
            (Self::AngleTarget { .. }, '>' | '\n') => Self::Text,
            (Self::AngleTarget { of_link, .. }, c) => Self::AngleTarget {
                of_link,
                escaped: c == '\\',
            },

            (Self::TagStart, c) if c.is_ascii_alphabetic() => Self::TagName,
            (Self::TagName, c) if c.is_ascii_alphanumeric() || matches!(c, '-' | ':') => self,
            (Self::TagName, '/') => Self::Tag,
            (Self::TagName, c) if c.is_ascii_whitespace() => Self::Tag,
            (Self::Tag, '>') => Self::Text,
            (Self::Tag, '=') => Self::AttributeStart,
            (Self::Tag, _) => self,
            (Self::AttributeStart, '"' | '\'') => Self::Value(Some(c)),
            (Self::AttributeStart, '>') => Self::Text,
            (Self::AttributeStart, c) if c.is_ascii_whitespace() => self,
            (Self::AttributeStart, _) => Self::Value(None),
            (Self::Value(Some(quote)), c) if c == quote => Self::Tag,
            (Self::Value(None), '>') => Self::Text,
            (Self::Value(None), c) if c.is_ascii_whitespace() => Self::Tag,
            (Self::Value(_), _) => self,

            (_, ']') => Self::LinkText,
            (_, '<') => Self::TagStart,
            _ => Self::Text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn carries(text: &str) -> bool {
        let mut context = LinkContext::default();
        context.push(text);
        context.carries()
    }

    #[test]
    fn addresses_carry() {
        for text in [
            "![x](https://evil.example/?q=",
            "[x](",
            "[x]( \n",
            "[x](/path?q=",
            "[x](/a(b)c",
            "[x](/a\\)",
            "[x](<https://evil.example/a b) ",
            "[x](<a\\> ",
            "[x](</a>\n",
            "[x](/a \"title ",
            "[x](/a \"title\n",
            "[r]: <https://evil.example/?q= ",
            "see https://evil.example/",
            "see https://evil.example/?q=\u{a0}\"a\",",
            "HTTPS://",
            "(//evil.example/",
            "https:/\\evil",
            "https:\\",
            "www.evil",
            "mailto:",
            "Mailto:x@evil.example?body=",
            "evil.example/",
            "evil.example:8080?q=",
            "<https://evil.example/",
            "<img src=",
            "<img src=\"/",
            "<img src='a\" b ",
            "<img alt=\">\" src=/",
            "<img alt='>'\nsrc = \"",
            "<img x=a\" y=\"> ",
            "<a/href=",
            "<<img src=",
        ] {
            assert!(carries(text), "{text}");
        }
    }

    #[test]
    fn prose_does_not() {
        for text in [
            "",
            "a [link](https://example.com/) to ",
            "[x](a(b)c) ",
            "[x]( ) ",
            "[x](a\n\n",
            "[x](\n\n",
            "[x](<a>) ",
            "[x] (",
            "[r]: ",
            "[r]: https://example.com/ ",
            "[r]: <a> ",
            "[r]: <a\n",
            "https://example.com/ and ",
            "https://example.com/\n",
            "https://example.com/<",
            "and/or/",
            "a = b, c=",
            "/srv/",
            "end.\u{a0}Start ",
            "e.g. ",
            "v1.2/",
            "1 < 2, a < b, c = ",
            "if a<b; c = ",
            "<b>",
            "<b>a=",
            "<img src=a> b=",
            "<img src=\"a\"> b=",
            "<img src='a'>",
            "<ada@example.com> = ",
            "<!-- a=",
            "</b a=",
            "x: ",
            "a\\\\",
        ] {
            assert!(!carries(text), "{text}");
        }
    }

    #[test]
    fn a_value_opens_nothing_but_its_own_url() {
        let mut context = LinkContext::default();
        context.push("<");
        context.push_value("img src=");
        assert!(!context.carries());
        context.push("> ");
        context.push_value("https://example.com");
        context.push("/?q=");
        assert!(context.carries());
        context.push(" ");
        context.push_value("https://example.com");
        context.push(" ");
        assert!(!context.carries());
    }
}
