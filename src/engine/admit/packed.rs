//! Open_ids in fewer bytes: those that are UUIDs, as many of the platform's are, in less than half.

/// The first byte of what stands as it is.
const PLAIN: u8 = 0;
/// The first byte of 16 bytes that are a UUID in lower case.
const UUID: u8 = 1;

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Packs `open_id` into `packed`, in place of what was there. Two are equal exactly when their packed bytes are.
pub(super) fn pack(open_id: &str, packed: &mut Vec<u8>) {
    packed.clear();
    if let Some(bytes) = uuid(open_id.as_bytes()) {
        packed.push(UUID);
        packed.extend_from_slice(&bytes);
    } else {
        packed.push(PLAIN);
        packed.extend_from_slice(open_id.as_bytes());
    }
}

/// What was packed.
pub(super) fn unpack(packed: &[u8]) -> String {
    match packed.split_first() {
        Some((&UUID, bytes)) => {
            let mut text = String::with_capacity(36);
            for byte in bytes {
                if HYPHENS.contains(&text.len()) {
                    text.push('-');
                }
                text.push(char::from(DIGITS[usize::from(byte >> 4)]));
                text.push(char::from(DIGITS[usize::from(byte & 0xf)]));
            }
            text
        }
        Some((_, bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        None => String::new(),
    }
}

fn uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 || HYPHENS.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let mut bytes = [0; 16];
    let groups = [0..8, 9..13, 14..18, 19..23, 24..36];
    let pairs = groups.into_iter().flat_map(|group| text[group].chunks_exact(2));
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

const fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'a'..=b'f' => Some(character - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(open_id in prop_oneof![
            "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
            "[0-9a-fA-F-]{36}",
            "[!-~]{1,40}",
            ".{1,128}",
        ]) {
            let mut packed = vec![7; 99];
            pack(&open_id, &mut packed);
            prop_assert!(packed.len() == 17 || packed.len() == open_id.len() + 1);
            prop_assert_eq!(unpack(&packed), open_id);
        }
    }

    #[test]
    fn a_uuid_takes_seventeen_bytes() {
        let mut packed = Vec::new();
        pack("ba253642-0590-40bc-a9f1-0123456789ab", &mut packed);
        assert_eq!(packed.len(), 17);
    }
}
