// Calls by gRPC-Web from a page, without a library: protobuf by a schema in JSON (/schema.json), frames and trailers of PROTOCOL-WEB.md, statuses
// with their details. Values are written as in protobuf's JSON form. Plain enough to copy; for a project of its own, a generated client is better.

const text = { to: new TextEncoder(), from: new TextDecoder() };

/** The wire type of a scalar kind. */
const WIRE = { double: 1, fixed64: 1, sfixed64: 1, float: 5, fixed32: 5, sfixed32: 5, string: 2, bytes: 2, message: 2 };
const wireOf = (kind) => WIRE[kind] ?? 0;

export const toBase64 = (bytes) => {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
};

export const fromBase64 = (word) => {
  const binary = atob(word.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (c) => c.charCodeAt(0));
};

const varint = (out, value) => {
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
};

const fixed = (out, bytes, set) => {
  const view = new DataView(new ArrayBuffer(bytes));
  set(view);
  out.push(...new Uint8Array(view.buffer));
};

const append = (out, bytes) => {
  varint(out, bytes.length);
  for (const byte of bytes) out.push(byte);
};

/** Writes messages of a schema, and reads them. */
export class Codec {
  constructor(schema) {
    this.schema = schema;
  }

  fields(type) {
    const fields = this.schema.messages[type];
    if (!fields) throw new Error(`${type} is not in the schema`);
    return fields;
  }

  encode(type, value) {
    const out = [];
    const given = WELL_KNOWN[type] ? WELL_KNOWN[type].open(value) : value;
    if (typeof given !== "object" || given === null || Array.isArray(given)) throw new Error(`${type} is written as an object`);
    for (const [name, content] of Object.entries(given)) {
      const field = this.fields(type).find((field) => field.name === name || field.json === name);
      if (!field) throw new Error(`${type} has no field ${name}`);
      if (content === null && field.type !== "google.protobuf.Value") continue;
      this.encodeField(out, field, content);
    }
    return out;
  }

  encodeField(out, field, content) {
    const tag = (wire) => varint(out, (BigInt(field.number) << 3n) | BigInt(wire));
    if (field.map) {
      for (const [key, value] of Object.entries(content)) {
        tag(2);
        append(out, this.encode(field.type, { key, value }));
      }
    } else if (field.repeated) {
      if (!Array.isArray(content)) throw new Error(`${field.name} is a list`);
      for (const one of content) this.encodeOne(out, tag, field, one);
    } else {
      this.encodeOne(out, tag, field, content);
    }
  }

  encodeOne(out, tag, field, value) {
    tag(wireOf(field.kind));
    switch (field.kind) {
      case "message":
        return append(out, this.encode(field.type, value));
      case "string":
        return append(out, text.to.encode(String(value)));
      case "bytes":
        return append(out, fromBase64(value));
      case "bool":
        return varint(out, value === true || value === "true" ? 1 : 0);
      case "enum": {
        const number = typeof value === "number" ? value : this.schema.enums[field.type][value];
        if (number === undefined) throw new Error(`${value} is none of ${Object.keys(this.schema.enums[field.type]).join(", ")}`);
        return varint(out, number);
      }
      case "sint32":
      case "sint64":
        return varint(out, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
      case "double":
        return fixed(out, 8, (view) => view.setFloat64(0, Number(value), true));
      case "float":
        return fixed(out, 4, (view) => view.setFloat32(0, Number(value), true));
      case "fixed64":
      case "sfixed64":
        return fixed(out, 8, (view) => view.setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true));
      case "fixed32":
      case "sfixed32":
        return fixed(out, 4, (view) => view.setInt32(0, Number(value), true));
      default:
        return varint(out, value);
    }
  }

  decode(type, bytes) {
    const reader = new Reader(bytes);
    const value = {};
    while (!reader.isDone()) {
      const tag = Number(reader.varint());
      const [number, wire] = [tag >>> 3, tag & 7];
      const field = this.fields(type).find((field) => field.number === number);
      if (!field) {
        reader.skip(wire);
      } else if (field.map) {
        const { key, value: content } = this.decode(field.type, reader.bytes());
        (value[field.json] ??= {})[key ?? ""] = content;
      } else if (field.repeated && wire === 2 && wireOf(field.kind) !== 2) {
        const packed = new Reader(reader.bytes());
        while (!packed.isDone()) (value[field.json] ??= []).push(this.decodeOne(packed, field));
      } else if (field.repeated) {
        (value[field.json] ??= []).push(this.decodeOne(reader, field));
      } else {
        value[field.json] = this.decodeOne(reader, field);
      }
    }
    return WELL_KNOWN[type] ? WELL_KNOWN[type].close(value) : value;
  }

  decodeOne(reader, field) {
    switch (field.kind) {
      case "message":
        return this.decode(field.type, reader.bytes());
      case "string":
        return text.from.decode(reader.bytes());
      case "bytes":
        return toBase64(reader.bytes());
      case "bool":
        return reader.varint() !== 0n;
      case "enum": {
        const number = Number(BigInt.asIntN(32, reader.varint()));
        return Object.entries(this.schema.enums[field.type]).find(([, of]) => of === number)?.[0] ?? number;
      }
      case "int32":
        return Number(BigInt.asIntN(32, reader.varint()));
      case "uint32":
        return Number(BigInt.asUintN(32, reader.varint()));
      case "int64":
        return BigInt.asIntN(64, reader.varint()).toString();
      case "uint64":
        return reader.varint().toString();
      case "sint32":
      case "sint64": {
        const zigzag = reader.varint();
        const number = (zigzag >> 1n) ^ -(zigzag & 1n);
        return field.kind === "sint32" ? Number(number) : number.toString();
      }
      case "double":
        return reader.view(8).getFloat64(0, true);
      case "float":
        return reader.view(4).getFloat32(0, true);
      case "fixed64":
        return reader.view(8).getBigUint64(0, true).toString();
      case "sfixed64":
        return reader.view(8).getBigInt64(0, true).toString();
      case "fixed32":
        return reader.view(4).getUint32(0, true);
      case "sfixed32":
        return reader.view(4).getInt32(0, true);
      default:
        throw new Error(`a field of kind ${field.kind}`);
    }
  }
}

class Reader {
  constructor(bytes) {
    this.all = bytes;
    this.at = 0;
  }

  isDone() {
    return this.at >= this.all.length;
  }

  take(length) {
    if (this.at + length > this.all.length) throw new Error("the message ends early");
    this.at += length;
    return this.all.subarray(this.at - length, this.at);
  }

  view(length) {
    const bytes = this.take(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  varint() {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const [byte] = this.take(1);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error("a number is too long");
  }

  bytes() {
    return this.take(Number(this.varint()));
  }

  skip(wire) {
    if (wire === 0) this.varint();
    else if (wire === 1) this.take(8);
    else if (wire === 2) this.bytes();
    else if (wire === 5) this.take(4);
    else throw new Error(`a field of wire type ${wire}`);
  }
}

const pad = (nanos) => String(nanos).padStart(9, "0").replace(/(000)+$/, "");

/** Types with a JSON form of their own: how it is opened into fields, and closed again. */
const WELL_KNOWN = {
  "google.protobuf.Timestamp": {
    open: (word) => {
      const ms = Date.parse(word);
      if (Number.isNaN(ms)) throw new Error(`${word} is no time as in RFC 3339`);
      const nanos = Number((/\.(\d+)/.exec(word)?.[1] ?? "").padEnd(9, "0").slice(0, 9));
      return { seconds: Math.floor(ms / 1000), nanos };
    },
    close: ({ seconds = "0", nanos = 0 }) => {
      const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
      return nanos ? `${whole}.${pad(nanos)}Z` : `${whole}Z`;
    },
  },
  "google.protobuf.Duration": {
    open: (word) => {
      const parts = /^(-?)(\d+)(?:\.(\d{1,9}))?s$/.exec(word);
      if (!parts) throw new Error(`${word} is not a duration: 1.5s is one`);
      const sign = parts[1] ? -1 : 1;
      return { seconds: sign * Number(parts[2]), nanos: sign * Number((parts[3] ?? "").padEnd(9, "0")) };
    },
    close: ({ seconds = "0", nanos = 0 }) => {
      const sign = seconds.startsWith("-") || nanos < 0 ? "-" : "";
      const part = nanos ? `.${pad(Math.abs(nanos))}` : "";
      return `${sign}${seconds.replace("-", "")}${part}s`;
    },
  },
  "google.protobuf.FieldMask": {
    open: (word) => ({ paths: word ? word.split(",") : [] }),
    close: ({ paths = [] }) => paths.join(","),
  },
  "google.protobuf.Struct": { open: (fields) => ({ fields }), close: ({ fields = {} }) => fields },
  "google.protobuf.ListValue": { open: (values) => ({ values }), close: ({ values = [] }) => values },
  "google.protobuf.Value": {
    open: (value) => {
      if (value === null) return { nullValue: 0 };
      if (Array.isArray(value)) return { listValue: value };
      const kinds = { number: "numberValue", string: "stringValue", boolean: "boolValue", object: "structValue" };
      return { [kinds[typeof value]]: value };
    },
    close: (value) => {
      const [[kind, content] = ["nullValue", null]] = Object.entries(value);
      return kind === "nullValue" ? null : content;
    },
  },
};

/** A status that is not OK: its code's number, its message, and google.rpc details as objects. */
export class StatusError extends Error {
  constructor(code, message, details) {
    super(message);
    this.code = code;
    this.details = details;
  }

  /** The stable reason of the refusal. */
  get reason() {
    return this.details.find((detail) => detail["@type"] === "google.rpc.ErrorInfo")?.reason;
  }
}

const statusOf = (codec, get) => {
  const code = Number(get("grpc-status"));
  let details = [];
  const encoded = get("grpc-status-details-bin");
  if (encoded) {
    const status = codec.decode("google.rpc.Status", fromBase64(encoded));
    details = (status.details ?? []).map(({ typeUrl = "", value = "" }) => {
      const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
      const known = codec.schema.messages[type];
      return { "@type": type, ...(known ? codec.decode(type, fromBase64(value)) : { value }) };
    });
  }
  return new StatusError(code, decodeURIComponent(get("grpc-message") ?? ""), details);
};

/** Frames of a body as they come: their first byte, and their content. */
async function* frames(body) {
  const reader = body.getReader();
  let rest = new Uint8Array();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const joined = new Uint8Array(rest.length + value.length);
    joined.set(rest);
    joined.set(value, rest.length);
    rest = joined;
    while (rest.length >= 5) {
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < 5 + length) break;
      yield [rest[0], rest.subarray(5, 5 + length)];
      rest = rest.subarray(5 + length);
    }
  }
  if (rest.length) throw new Error("the answer ends in the middle of a frame");
}

/**
 * Calls a method and yields the messages of its answer; throws a StatusError when it is refused.
 * `headers` are metadata: authorization, x-lienthong-session, accept-language, …
 */
export async function* call(codec, base, method, request, { headers = {}, signal, onHead } = {}) {
  const { input, output } = codec.schema.methods[method];
  const message = codec.encode(input, request);
  const body = new Uint8Array(5 + message.length);
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, 5);
  const sent = { ...headers, "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
  const answer = await fetch(`${base}/${method}`, { method: "POST", headers: sent, body, signal });
  onHead?.(answer.headers);
  if (!answer.ok) throw new StatusError(2, `HTTP ${answer.status}: ${(await answer.text()).trim()}`, []);
  // A refusal before the first message has its status in the head.
  if (answer.headers.has("grpc-status") && answer.headers.get("grpc-status") !== "0") {
    throw statusOf(codec, (name) => answer.headers.get(name));
  }
  let trailers;
  for await (const [first, content] of frames(answer.body)) {
    if (first & 0x80) {
      const lines = text.from.decode(content).split("\r\n").filter(Boolean);
      trailers = new Map(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
    } else {
      yield codec.decode(output, content);
    }
  }
  if (!trailers) throw new StatusError(14, "the answer ended without a status", []);
  if (trailers.get("grpc-status") !== "0") throw statusOf(codec, (name) => trailers.get(name));
}
