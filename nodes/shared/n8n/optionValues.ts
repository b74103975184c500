import {
	tryToParseDateTime,
	type IDataObject,
	type IExecuteFunctions,
	type INodeProperties,
} from 'n8n-workflow';
import { InvalidInput } from '../api';
import { wholeNumber } from './wholeNumber';

/** As ms since the epoch this is 1973; any number below it that somebody enters is meant as seconds. */
const SMALLEST_PLAUSIBLE_MS = 1e11;

/** The options of one item; an option that was not added is missing. */
export function optionsOf(context: IExecuteFunctions, itemIndex: number): IDataObject {
	return context.getNodeParameter('options', itemIndex, {}) as IDataObject;
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
		`"${String(value).slice(0, 40)}" is not one of ${values.join(', ')}`,
		'Choose one from the list.',
	);
}

export function text(value: unknown): string | undefined {
	const trimmed = isUnset(value) ? '' : String(value).trim();
	return trimmed === '' ? undefined : trimmed;
}

/**
 * Wall clock, ms. A time without an offset, as the date picker gives it, is meant in the workflow's time zone.
 *
 * @throws InvalidInput
 */
export function time(
	{ displayName }: INodeProperties,
	value: unknown,
	timezone: string,
): number | undefined {
	if (isUnset(value)) return undefined;
	if (typeof value === 'number' && value >= SMALLEST_PLAUSIBLE_MS) return value;
	try {
		if (typeof value !== 'number') return tryToParseDateTime(value, timezone).toMillis();
	} catch {
		// Falls through to the refusal below.
	}
	throw new InvalidInput(
		displayName,
		`"${String(value).slice(0, 40)}" is not a time`,
		'Pick a date, or give a text such as 2026-11-01T08:00:00Z or milliseconds since 1970.',
	);
}
