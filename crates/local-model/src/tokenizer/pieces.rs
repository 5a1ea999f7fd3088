//! Tokens end inside of characters; text comes out in whole ones.

/// Collects bytes and gives them out as whole characters.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    held: Vec<u8>,
}

impl Pieces {
    /// Adds bytes and gives the text that is whole so far; bytes that no further byte can make a
    /// character become U+FFFD.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(whole) => {
                    text.push_str(whole);
                    self.held.clear();
                    return text;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    text.push_str(&String::from_utf8_lossy(&self.held[..valid]));
                    match error.error_len() {
                        Some(wrong) => {
                            text.push(char::REPLACEMENT_CHARACTER);
                            self.held.drain(..valid + wrong);
                        }
                        None => {
                            self.held.drain(..valid);
                            return text;
                        }
                    }
                }
            }
        }
    }

    /// What is left when no more bytes come: U+FFFD for half a character.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.held).into_owned();
        self.held.clear();
        text
    }
}
