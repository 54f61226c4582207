//! Reading a reply's body within its limit, before and after decompression.
//!
//! We ask for no compression; some servers compress anyway. A bomb costs at most the limit twice.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use http_body_util::BodyExt as _;
use zeroize::Zeroizing;

use super::Carried;
use crate::failure::{Failure, FailureKind};

/// The bytes as they came, at most `limit`.
pub(super) async fn collect(
    mut carried: Carried,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(frame) = next_frame(&mut carried).await {
        let frame = frame.map_err(|_| Failure::after(FailureKind::BrokenOff))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Failure::after(FailureKind::TooLarge));
        }
        grow(&mut bytes, &data);
    }
    Ok(bytes)
}

/// Waits for the body while the connection is moved on. A connection that has ended may have left
/// frames behind.
async fn next_frame(
    carried: &mut Carried,
) -> Option<Result<hyper::body::Frame<bytes::Bytes>, hyper::Error>> {
    if carried.is_over {
        return carried.body.frame().await;
    }
    tokio::select! {
        biased;
        frame = carried.body.frame() => frame,
        () = &mut carried.driver => {
            carried.is_over = true;
            carried.body.frame().await
        }
    }
}

/// Appends without leaving a copy of what was there behind in freed memory.
fn grow(bytes: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    let needed = bytes.len() + data.len();
    if needed > bytes.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two().max(4096)));
        larger.extend_from_slice(bytes);
        *bytes = larger;
    }
    bytes.extend_from_slice(data);
}

/// The bytes without their content encoding (RFC 9110 §8.4), at most `limit`.
pub(super) fn decoded(
    headers: &HeaderMap,
    raw: Zeroizing<Vec<u8>>,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let bad = || Failure::after(FailureKind::BadEncoding);
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let Some(encoding) = encodings.next() else { return Ok(raw) };
    if encodings.next().is_some() {
        return Err(bad());
    }
    let encoding = encoding.to_str().map_err(|_| bad())?.trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(raw),
        "gzip" | "x-gzip" => inflated(MultiGzDecoder::new(raw.as_slice()), limit),
        // "deflate" means zlib, but some servers send it bare.
        "deflate" if raw.first().is_some_and(|byte| byte & 0x0f == 8) => {
            inflated(ZlibDecoder::new(raw.as_slice()), limit)
        }
        "deflate" => inflated(DeflateDecoder::new(raw.as_slice()), limit),
        _ => Err(bad()),
    }
}

fn inflated(mut decoder: impl Read, limit: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut bytes = Zeroizing::new(Vec::new());
    let mut chunk = Zeroizing::new([0_u8; 8 * 1024]);
    loop {
        let count = decoder
            .read(chunk.as_mut_slice())
            .map_err(|_| Failure::after(FailureKind::BadEncoding))?;
        if count == 0 {
            return Ok(bytes);
        }
        if bytes.len() + count > limit {
            return Err(Failure::after(FailureKind::TooLarge));
        }
        grow(&mut bytes, &chunk[..count]);
    }
}
