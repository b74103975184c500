import { createHash } from 'node:crypto';

/** Stands for a text in every file; 48 bits fit a number. */
export function keyNumber(text: string): number {
	return parseInt(createHash('sha256').update(text).digest('hex').slice(0, 12), 16);
}
