/** Whatever an expression gave, as a text: an object may have none, or throw where it is asked for one. */
export function asText(value: unknown): string {
	try {
		return String(value);
	} catch {
		return 'an object';
	}
}
