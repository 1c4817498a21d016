//! The codec of all services: protobuf, with buffers of the sizes that messages have here. And one for callers that have their messages
//! as bytes.
//!
//! Requests are small and answers hold a few records with their proofs; tonic's buffers of 8 KiB are too large for the one, and
//! for the other are outgrown and copied.

use std::marker::PhantomData;

use bytes::{Buf as _, BufMut as _, Bytes};
use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic_prost::ProstCodec;

/// Buffer for an incoming message, in bytes; it grows to the message's length.
const REQUEST_BYTES: usize = 512;
/// Buffer for an outgoing message, in bytes.
const ANSWER_BYTES: usize = 16 * 1024;
/// How much of a stream is gathered before it is passed on, in bytes.
const STREAM_BYTES: usize = 32 * 1024;

/// Protobuf through prost.
#[derive(Debug, Clone)]
pub struct ServiceCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ServiceCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ServiceCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = <ProstCodec<T, U> as Codec>::Encoder;
    type Decoder = <ProstCodec<T, U> as Codec>::Decoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::raw_encoder(BufferSettings::new(ANSWER_BYTES, STREAM_BYTES))
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<T, U>::raw_decoder(BufferSettings::new(REQUEST_BYTES, STREAM_BYTES))
    }
}

/// Messages as bytes, neither built nor read.
#[derive(Debug, Clone, Copy, Default)]
pub struct RawCodec;

impl Codec for RawCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, target: &mut EncodeBuf<'_>) -> Result<(), Status> {
        target.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, source: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = source.remaining();
        Ok(Some(source.copy_to_bytes(length)))
    }
}
