// Forms of bytes and text, each with one accepted spelling: JSON, base64, times. Any other spelling is Refused.
import { createHash } from 'node:crypto';
import { isUnassigned } from './unassigned.mjs';

export class Refused extends Error {}

export function refuseUnless(condition, why) {
  if (!condition) throw new Refused(why);
}

export const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();

// ---- Text and base64

export function utf8(bytes, what = 'the text') {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refused(`${what} is not UTF-8`);
  }
}

export function base64(text, what, encoding = 'base64') {
  refuseUnless(typeof text === 'string', `${what} is no text`);
  const bytes = Buffer.from(text, encoding);
  refuseUnless(bytes.toString(encoding) === text, `${what} is not ${encoding} in its one form`);
  return bytes;
}

export const base64url = (text, what) => base64(text, what, 'base64url');

// ---- JSON that every parser reads alike: no name twice, no half letter, no number that is not whole, no deep nesting

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;

// A number that is not a whole one below 2^64: no input of this module has one.
export class Other {}

// Values in a row. Objects are Maps; numbers are Numbers, or BigInts beyond 2^53.
export function readJson(text) {
  let at = 0;
  const match = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found;
  };
  const expect = (letter) => {
    match(SPACE);
    refuseUnless(text[at] === letter, `broken JSON: no ${letter}`);
    at += 1;
  };
  const string = () => {
    const found = match(STRING);
    refuseUnless(found, 'broken JSON: no text');
    const value = JSON.parse(found[0]);
    refuseUnless(value.isWellFormed(), 'half a letter');
    return value;
  };
  const items = (end, read) => {
    at += 1;
    match(SPACE);
    if (text[at] === end) {
      at += 1;
      return;
    }
    for (;;) {
      read();
      match(SPACE);
      refuseUnless(text[at] === end || text[at] === ',', `broken JSON: no ${end}`);
      at += 1;
      if (text[at - 1] === end) return;
    }
  };
  const value = (depth) => {
    refuseUnless(depth < 32, 'JSON nests too deeply');
    match(SPACE);
    if (text[at] === '{') {
      const object = new Map();
      items('}', () => {
        match(SPACE);
        const name = string();
        refuseUnless(!object.has(name), 'a name occurs twice');
        expect(':');
        object.set(name, value(depth + 1));
      });
      return object;
    }
    if (text[at] === '[') {
      const list = [];
      items(']', () => list.push(value(depth + 1)));
      return list;
    }
    if (text[at] === '"') return string();
    const word = match(WORD);
    if (word) return { true: true, false: false, null: null }[word[0]];
    const number = match(NUMBER);
    refuseUnless(number, 'broken JSON');
    refuseUnless(Number.isFinite(Number(number[0])), 'a number is too large');
    if (number[1] || number[2] || number[0] === '-0') return new Other();
    const whole = BigInt(number[0]);
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  };
  const found = [];
  for (match(SPACE); at < text.length; match(SPACE)) found.push(value(0));
  return found;
}

export function oneObject(values, what) {
  refuseUnless(values.length === 1 && values[0] instanceof Map, `${what} is no JSON object`);
  return values[0];
}

// A question's parts come as plain objects: as Maps they are read like files.
export const mapped = (value) => readJson(JSON.stringify(value))[0];

// The fields of an object, each taken once; fields that are not taken are refused.
export class Fields {
  constructor(object, what) {
    refuseUnless(object instanceof Map, `${what} is no object`);
    [this.rest, this.what] = [new Map(object), what];
  }

  need(name, read) {
    refuseUnless(this.rest.has(name), `${this.what}: ${name} is missing`);
    return this.optional(name, read);
  }

  optional(name, read, absent) {
    if (!this.rest.has(name)) return absent;
    const value = this.rest.get(name);
    this.rest.delete(name);
    return read(value, name);
  }

  // A field of protobuf JSON: lowerCamelCase or as in the proto; absent, it has its default.
  take(name, read, absent) {
    const camel = name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());
    const spellings = [...new Set([camel, name])].filter((spelling) => this.rest.has(spelling));
    refuseUnless(spellings.length < 2, `${this.what}: ${name} occurs twice`);
    return spellings.length ? this.optional(spellings[0], read) : absent;
  }

  end() {
    refuseUnless(this.rest.size === 0, `${this.what}: an unknown field`);
  }
}

export const text = (value, what) => {
  refuseUnless(typeof value === 'string', `${what} is no text`);
  return value;
};
export const whole = (largest) => (value, what) => {
  const number = typeof value === 'string' && /^(0|[1-9][0-9]{0,19})$/.test(value) ? BigInt(value) : value;
  refuseUnless(['number', 'bigint'].includes(typeof number) && number >= 0 && number <= largest, `${what} is out of range`);
  return BigInt(number);
};
export const index = (value, what) => {
  refuseUnless(typeof value === 'number' && value >= 0, `${what} is out of range`);
  return BigInt(value);
};
export const list = (read) => (value, what) => {
  refuseUnless(Array.isArray(value), `${what} is no list`);
  return value.map((item) => read(item, what));
};
export const hash = (value, what) => {
  const bytes = base64(value, what);
  refuseUnless(bytes.length === 32, `${what} is not 32 bytes`);
  return bytes;
};

// RFC 3339 to milliseconds since 1970-01-01T00:00:00Z.
export function milliseconds(value, what = 'the time') {
  const form = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/.exec(text(value, what));
  refuseUnless(form, `${what} is no time of RFC 3339`);
  const [, day, clock, fraction = '', zone] = form;
  const date = new Date(`${day}T${clock}Z`);
  refuseUnless(!Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${day}T${clock}`), `${what} is no time`);
  const [hours, minutes] = zone.toUpperCase() === 'Z' ? [0, 0] : zone.slice(1).split(':').map(Number);
  refuseUnless(hours < 24 && minutes < 60, `${what} has no such offset`);
  const offset = (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return date.getTime() - offset + Number(fraction.slice(1, 4).padEnd(3, '0'));
}

// ---- Canonical JSON (docs/format.md, section 1): read, checked, written again, and compared

const NAME = /^[a-z][a-z0-9_]*$/;
const PAYLOAD_BYTES_MAX = 48 * 1024;
const isSettled = (letter) => letter < '\u0300' || ('\u1e00' <= letter && letter <= '\u1eff') || !isUnassigned(letter.codePointAt(0));

export const isName = (name) => NAME.test(name);

export function writeCanonical(value) {
  if (Array.isArray(value)) return `[${value.map(writeCanonical).join(',')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${writeCanonical(value[name])}`).join(',')}}`;
}

function checkValue(value, depth) {
  if (typeof value === 'string') {
    const good = value.isWellFormed() && !/[\0\ufeff]/.test(value) && value.normalize('NFC') === value && [...value].every(isSettled);
    refuseUnless(good, 'not canonical: a text');
  } else if (typeof value === 'number') {
    refuseUnless(Number.isSafeInteger(value), 'not canonical: a number');
  } else if (typeof value === 'object' && value !== null) {
    refuseUnless(depth <= 8, 'not canonical: nesting');
    refuseUnless(Array.isArray(value) || Object.keys(value).every(isName), 'not canonical: a name');
    Object.values(value).forEach((inner) => checkValue(inner, depth + 1));
  } else {
    refuseUnless(typeof value === 'boolean', 'not canonical: null');
  }
}

// A value in its one form; a shown field's value is at depth 2.
export function scanValue(bytes, depth = 2) {
  refuseUnless(bytes.length <= PAYLOAD_BYTES_MAX, 'not canonical: too long');
  const source = utf8(bytes, 'not canonical: it');
  let value;
  try {
    value = JSON.parse(source);
  } catch {
    throw new Refused('not canonical: no JSON');
  }
  checkValue(value, depth);
  refuseUnless(writeCanonical(value) === source, 'not canonical: another spelling');
  return value;
}

// A payload's fields as [name, value's bytes], in order.
export function scan(payload) {
  const value = scanValue(payload, 1);
  refuseUnless(typeof value === 'object' && !Array.isArray(value), 'not canonical: no object');
  const names = Object.keys(value).sort();
  refuseUnless(names.length <= 64, 'not canonical: more than 64 fields');
  return names.map((name) => [name, Buffer.from(writeCanonical(value[name]))]);
}
