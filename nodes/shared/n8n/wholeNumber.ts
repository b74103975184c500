import { InvalidInput, plainText } from '../api';
import { asText } from './asText';

/**
 * A number as n8n hands it over: a number, or text from an expression.
 *
 * @param parameter its label
 * @throws InvalidInput
 */
export function wholeNumber(
	parameter: string,
	value: unknown,
	least: number,
	most = Number.MAX_SAFE_INTEGER,
): number {
	const isText = typeof value === 'string' && /^\s*\d+\s*$/.test(value);
	const number = isText ? Number(value) : value;
	if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most) {
		return number;
	}
	const range =
		most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
	throw new InvalidInput(
		parameter,
		`${shown(value)} is not a whole number ${range}`,
		`Enter a whole number ${range}.`,
	);
}

function shown(value: unknown): string {
	if (value === undefined || value === null || value === '') return 'Nothing';
	return `"${plainText(asText(value), 40)}"`;
}
