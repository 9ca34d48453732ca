use super::socket::Socket;
use crate::race::poll_fn;
use crate::wire::{self, Cut, WireError, LARGEST_FRAME};
use bytes::{Bytes, BytesMut};
use std::io;

const READ: usize = 256 * 1024;
const LEAST_ROOM: usize = 32 * 1024;

/// What was read and not yet cut into frames. Frames are slices of it and keep its memory as long as they live.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    max_frame: usize,
}

impl ReadBuffer {
    pub(crate) fn new() -> ReadBuffer {
        ReadBuffer { bytes: BytesMut::new(), max_frame: LARGEST_FRAME }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes = BytesMut::new();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn skip(&mut self, count: usize) {
        drop(self.bytes.split_to(count));
    }

    /// Waits for more. 0: the end.
    pub(crate) async fn fill(&mut self, socket: &Socket) -> io::Result<usize> {
        loop {
            poll_fn(|cx| socket.poll_read_ready(cx)).await?;
            match self.try_fill(socket) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    pub(crate) fn try_fill(&mut self, socket: &Socket) -> io::Result<usize> {
        let wanted = match wire::cut(&self.bytes, self.max_frame) {
            Cut::NeedMore if self.bytes.len() >= 4 => {
                (wire::u32_at(&self.bytes, 0) as usize + 4).saturating_sub(self.bytes.len()).min(self.max_frame)
            }
            _ => 0,
        };
        if self.bytes.capacity() - self.bytes.len() < LEAST_ROOM.max(wanted) {
            self.bytes.reserve(READ.max(wanted));
        }
        socket.try_read(&mut self.bytes)
    }

    /// Takes a whole frame off the front.
    #[inline]
    pub(crate) fn cut(&mut self) -> Result<Option<Bytes>, WireError> {
        match wire::cut(&self.bytes, self.max_frame) {
            Cut::NeedMore => Ok(None),
            Cut::Frame(size) => Ok(Some(self.bytes.split_to(size).freeze())),
            Cut::Refused(error) => Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::wire::encode;
    use tokio::net::UnixStream;

    #[tokio::test]
    async fn cuts_the_same_frames_wherever_the_stream_is_split() {
        let mut frames: Vec<Vec<u8>> = Vec::new();
        for number in 0..4 {
            let mut frame = Vec::new();
            encode::ping(&mut frame, number);
            frames.push(frame);
            let mut frame = Vec::new();
            encode::topic(&mut frame, 1, "t".repeat(1 + 7 * number as usize).as_bytes());
            frames.push(frame);
        }
        let stream = frames.concat();
        for split in 0..=stream.len() {
            let (near, far) = UnixStream::pair().unwrap();
            let socket = Socket::Unix(near);
            let mut buffer = ReadBuffer::new();
            let mut found = Vec::new();
            for part in [&stream[..split], &stream[split..]] {
                if !part.is_empty() {
                    far.writable().await.unwrap();
                    assert_eq!(far.try_write(part).unwrap(), part.len());
                    buffer.fill(&socket).await.unwrap();
                }
                while let Some(frame) = buffer.cut().unwrap() {
                    found.push(frame.to_vec());
                }
            }
            assert_eq!(found, frames, "split at {split}");
        }
    }
}
