/**
 * Readers of single fields, for simplified records. Each takes several names for a field, since the API mixes
 * casings, and gives the first value that it can make something of, else null. What they give fits into any
 * database: texts are well-formed Unicode without NUL, counts are whole.
 */
import { isJsonObject, type JsonObject, type JsonValue } from './json';

/** A whole number; its digits as text when it is beyond 2^53; null when the API did not say. */
export type Count = number | string | null;

type Source = JsonObject | undefined;

/** A text that may be empty, such as a bio. */
export function text(source: Source, fields: readonly string[]): string | null {
	return first(source, fields, (value) => (typeof value === 'string' ? storable(value) : null));
}

/** A text that says nothing when it is empty, such as a handle. */
export function word(source: Source, fields: readonly string[]): string | null {
	return first(source, fields, wordOf);
}

/** No id is negative. What has a point or an exponent was a float on the way and has lost its last digits. */
const NO_ID = /^(?:-\d.*|\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)$/i;

export function id(source: Source, fields: readonly string[]): string | null {
	return first(source, fields, (value) => {
		const found = wordOf(value);
		return found === null || NO_ID.test(found) ? null : found;
	});
}

/** The id of something that need not exist, such as an account elsewhere: 0 says that it does not. */
export function optionalId(source: Source, fields: readonly string[]): string | null {
	const found = id(source, fields);
	return found === null || /^0+$/.test(found) ? null : found;
}

/**
 * A web address. One without a host ("/origin.jpeg", facts section 10) leads nowhere, so it counts as none. It
 * holds no white space, so that a list of them can have one a line.
 */
export function address(source: Source, fields: readonly string[]): string | null {
	return first(source, fields, addressOf);
}

/** All addresses of a list. PHP writes a list with gaps as an object with numbers as keys. */
export function addresses(source: Source, field: string): string[] {
	return listIn(source, field)
		.map(addressOf)
		.filter((found) => found !== null);
}

/** Null as well for a negative number, which the API family uses for "not known". */
export function count(source: Source, fields: readonly string[]): Count {
	return first(source, fields, (value): Count => {
		if (typeof value === 'string') return printedCount(value.trim());
		if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return null;
		const whole = Math.floor(value);
		return Number.isSafeInteger(whole) ? whole : String(BigInt(whole));
	});
}

/** Such as a number of seconds: a number that may have a fraction, from 0 on. */
export function amount(source: Source, fields: readonly string[]): number | null {
	return first(source, fields, (value) => {
		const isPrinted = typeof value === 'string' && /^\s*\d+(?:\.\d+)?\s*$/.test(value);
		const found = isPrinted || typeof value === 'number' ? Number(value) : NaN;
		return Number.isFinite(found) && found >= 0 ? found : null;
	});
}

export function flag(source: Source, fields: readonly string[]): boolean | null {
	return first(source, fields, (value) => {
		if (value === true || value === 1 || value === '1' || value === 'true') return true;
		return value === false || value === 0 || value === '0' || value === 'false' ? false : null;
	});
}

export function objectIn(source: Source, ...fields: readonly string[]): Source {
	return first(source, fields, (value) => (isJsonObject(value) ? value : null)) ?? undefined;
}

/** The values in order, whether the list has gaps or not; empty where there is no list. */
export function listIn(source: Source, field: string): readonly JsonValue[] {
	const value = source?.[field];
	if (Array.isArray(value)) return value;
	const isList = isJsonObject(value) && Object.keys(value).every((key) => /^\d+$/.test(key));
	return isList ? Object.values(value) : [];
}

/** As every database takes it: PostgreSQL refuses NUL and half surrogates. */
export function storable(value: string): string {
	return value.toWellFormed().replaceAll('\0', '');
}

function first<T>(
	source: Source,
	fields: readonly string[],
	read: (value: JsonValue | undefined) => T | null,
): T | null {
	if (source === undefined) return null;
	return fields.map((field) => read(source[field])).find((value) => value !== null) ?? null;
}

function wordOf(value: JsonValue | undefined): string | null {
	if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : null;
	if (typeof value !== 'string') return null;
	return storable(value).trim() || null;
}

function addressOf(value: JsonValue | undefined): string | null {
	if (typeof value !== 'string') return null;
	const found = storable(value)
		.trim()
		.replace(/^\/\//, 'https://')
		.replace(/\s/gu, (space) => encodeURIComponent(space));
	return /^https?:\/\/[^/]/i.test(found) ? found : null;
}

/** Three digits a group, as printed in English, in France, in Switzerland, in Germany (there from 1.000.000 on). */
const GROUPED = String.raw`\d{1,3}(?:,\d{3})+|\d{1,3}(?:[ \u00a0\u202f]\d{3})+|\d{1,3}(?:['’]\d{3})+|\d{1,3}(?:\.\d{3}){2,}`;
const PRINTED = new RegExp(
	String.raw`^(${GROUPED}|\d+)(?:\.(\d+)|,(\d{1,2})(?=\s*[kmb]))?\s*([kmb]?)$`,
	'i',
);
/** Zeros that a short form stands for. */
const SHORT_FORM: Readonly<Record<string, number>> = { '': 0, k: 3, m: 6, b: 9 };

/**
 * A count as text: "12345", "12,345", "1.2M". What is below one is cut off. "1.234" is null: it is 1234 where the
 * point groups and 1 where it does not, and a number that may be wrong by a thousand is worse than none.
 */
function printedCount(printed: string): Count {
	const [, whole = '', afterPoint, afterComma, unit = ''] = PRINTED.exec(printed) ?? [];
	if (whole === '' || (unit === '' && /^\d{1,3}\.\d{3}$/.test(printed))) return null;
	const fraction = afterPoint ?? afterComma ?? '';
	const zeros = SHORT_FORM[unit.toLowerCase()] ?? 0;
	// By digits, not by multiplying: 1.15 times a million is 1,149,999.99 for a computer.
	const digits = whole.replace(/\D/g, '') + fraction.padEnd(zeros, '0').slice(0, zeros);
	const exact = Number(digits);
	return Number.isSafeInteger(exact) ? exact : digits.replace(/^0+/, '');
}
