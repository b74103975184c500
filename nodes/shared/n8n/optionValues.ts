import {
	tryToParseDateTime,
	type IDataObject,
	type IExecuteFunctions,
	type INodeProperties,
} from 'n8n-workflow';
import { InvalidInput, plainText } from '../api';
import { asText } from './asText';
import { wholeNumber } from './wholeNumber';

/** As ms since the epoch this is 1973, as seconds the year 5138: a number from there on is meant as ms. */
const LEAST_MS = 1e11;
/** As seconds this is 2001: what is smaller is no time that anybody means. */
const LEAST_SECONDS = 1e9;
/** The largest time that a JavaScript Date can hold. */
const MOST_MS = 8.64e15;

/**
 * n8n empties a collection that is one expression as a whole (`{{ $json.opts }}`) before any node sees it: it looks
 * for each option by name in the text of the expression. This name is the one that every text answers to, so that
 * the loss can be told. Nobody sees it in the form.
 */
export const lostExpression: INodeProperties = {
	displayName: 'Lost Expression',
	name: 'length',
	type: 'hidden',
	default: '',
};

/**
 * The options of one item; an option that was not added is missing.
 *
 * @throws InvalidInput
 */
export function optionsOf(context: IExecuteFunctions, itemIndex: number): IDataObject {
	return checkedOptions(context.getNodeParameter('options', itemIndex, {}));
}

/** @throws InvalidInput for options that n8n has lost, or that are no object */
export function checkedOptions(options: unknown): IDataObject {
	const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
	if (isObject && !(lostExpression.name in options)) return options as IDataObject;
	throw new InvalidInput(
		'Options',
		'Options is one expression as a whole, which n8n does not hand to nodes',
		'Add the options one by one, and give each an expression of its own, such as {{ $json.opts.maxPages }}.',
	);
}

function isUnset(value: unknown): value is undefined | null | '' {
	return value === undefined || value === null || value === '';
}

/** @throws InvalidInput */
export function number(
	{ name, displayName }: INodeProperties,
	options: IDataObject,
	least: number,
	most?: number,
): number | undefined {
	const value = options[name];
	return isUnset(value) ? undefined : wholeNumber(displayName, value, least, most);
}

/**
 * The first of `values` is the default.
 *
 * @throws InvalidInput
 */
export function choice<T extends string>(
	{ name, displayName }: INodeProperties,
	options: IDataObject,
	values: readonly [T, ...T[]],
): T {
	const value = options[name];
	if (isUnset(value)) return values[0];
	const known = values.find((candidate) => candidate === value);
	if (known !== undefined) return known;
	throw new InvalidInput(
		displayName,
		`"${plainText(asText(value), 40)}" is not one of ${values.join(', ')}`,
		'Choose one from the list.',
	);
}

export function text(value: unknown): string | undefined {
	const trimmed = isUnset(value) ? '' : asText(value).trim();
	return trimmed === '' ? undefined : trimmed;
}

/**
 * @throws InvalidInput for a text that is neither yes nor no
 */
export function flag({ name, displayName }: INodeProperties, options: IDataObject): boolean {
	const value = options[name];
	if (isUnset(value)) return false;
	const text = asText(value).trim().toLowerCase();
	if (text === 'true' || text === 'false') return text === 'true';
	throw new InvalidInput(
		displayName,
		`"${plainText(text, 40)}" is neither true nor false`,
		'Turn it on or off, or give true or false.',
	);
}

/**
 * Wall clock, whole ms; 0 for what was before 1970. A time without an offset, as the date picker gives it, is meant
 * in the workflow's time zone. A number, also as text, is seconds or milliseconds since 1970, whichever makes a
 * plausible time.
 *
 * @throws InvalidInput
 */
export function time(
	{ displayName }: INodeProperties,
	value: unknown,
	timezone: string,
): number | undefined {
	if (isUnset(value)) return undefined;
	const ms = isNumeric(value) ? sinceEpoch(Number(value)) : dateTime(value, timezone);
	if (ms !== undefined) return Math.max(Math.round(ms), 0);
	throw new InvalidInput(
		displayName,
		`"${plainText(asText(value), 40)}" is not a time`,
		'Pick a date, or give a text such as 2026-11-01T08:00:00Z, or seconds or milliseconds since 1970.',
	);
}

/** Eight digits, 20261101, are a date. */
function isNumeric(value: unknown): boolean {
	return (
		typeof value === 'number' ||
		(typeof value === 'string' && /^\s*\d{9,16}(?:\.\d+)?\s*$/.test(value))
	);
}

function sinceEpoch(number: number): number | undefined {
	if (number >= LEAST_MS && number <= MOST_MS) return number;
	return number >= LEAST_SECONDS && number < LEAST_MS ? number * 1_000 : undefined;
}

function dateTime(value: unknown, timezone: string): number | undefined {
	try {
		const ms = tryToParseDateTime(value as string, timezone).toMillis();
		return Number.isFinite(ms) ? ms : undefined;
	} catch {
		return undefined;
	}
}
