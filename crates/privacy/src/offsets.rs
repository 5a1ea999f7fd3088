//! Offsets as JavaScript counts them.

/// Turns byte offsets of a text into UTF-16 code units, which are the indices of a JavaScript string. The text is
/// walked once if they are asked in ascending order.
pub(crate) struct Utf16<'t> {
    text: &'t str,
    /// The last offset asked, in bytes and in code units.
    byte: usize,
    units: usize,
}

impl<'t> Utf16<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            byte: 0,
            units: 0,
        }
    }

    /// The code units before a byte; one in the middle of a character counts from that one's start.
    pub(crate) fn at(&mut self, byte: usize) -> u32 {
        let byte = self.text.floor_char_boundary(byte);
        if byte < self.byte {
            (self.byte, self.units) = (0, 0);
        }
        let passed = self.text[self.byte..byte].chars();
        self.units += passed.map(char::len_utf16).sum::<usize>();
        self.byte = byte;
        // A wasm memory ends at 4 GiB.
        self.units as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_code_units() {
        // é: 2 bytes, 1 unit; 🦀: 4 bytes, 2 units; €: 3 bytes, 1 unit.
        let mut utf16 = Utf16::new("é🦀€ab");
        let asked = [0, 2, 6, 7, 9, 10, 11, 99, 6];
        assert_eq!(
            asked.map(|byte| utf16.at(byte)),
            [0, 1, 3, 3, 4, 5, 6, 6, 3]
        );
    }
}
