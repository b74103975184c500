/** Longest text of a server or of a person's input that is quoted in a message, in UTF-16 units. */
export const MAX_QUOTE = 200;

/**
 * Text from outside, made fit for one line of a message: control, formatting (bidi, zero width) and
 * line characters become spaces, unpaired surrogates go, and what is too long is cut and ends in "…".
 *
 * @param maxLength in UTF-16 units, at least 1
 */
export function plainText(text: string, maxLength = MAX_QUOTE): string {
	// Cleaning can only shorten; a margin keeps the work small for a body of megabytes.
	const clean = text
		.slice(0, maxLength * 8)
		// First, or the blanks on both sides of one would stay two.
		.replace(/\p{Cs}/gu, '')
		.replace(/[\p{Cc}\p{Cf}\p{Z}]+/gu, ' ')
		.trim();
	if (clean.length <= maxLength) return clean;
	return `${clean.slice(0, maxLength - 1).replace(/\p{Cs}$/u, '')}…`;
}
