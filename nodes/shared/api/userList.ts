import { InvalidInput } from './failure';
import { parseUserId, parseUsername, type UserRef } from './user';

/** A name has no comma, semicolon, tab or line break; a blank may be a slip, and two users for one cost twice. */
const BETWEEN = /[,;\t\r\n]+/;

/**
 * The users of a list as people give one: each value is a user, or several of them with commas or line breaks in
 * between. A user is a username, "@name", the address of a profile, or an id: digits alone are an id.
 * Those named twice are left out.
 *
 * @param parameter its label, for the refusals
 * @throws InvalidInput that tells which entry cannot be used
 */
export function parseUserList(value: unknown, parameter: string, most: number): UserRef[] {
	const entries = entriesOf(value);
	if (entries.length === 0) {
		throw new InvalidInput(
			parameter,
			`${parameter} is empty`,
			'Enter one username or more, such as "tiktok".',
		);
	}
	const users = new Map<string, UserRef>();
	for (const [index, entry] of entries.entries()) {
		try {
			const user = parseEntry(entry);
			users.set(userKey(user), user);
		} catch (error) {
			throw located(error as Error, parameter, entries, index);
		}
	}
	if (users.size > most) {
		throw new InvalidInput(
			parameter,
			`${parameter} holds ${users.size} users, and at most ${most} can be watched at a time`,
			'Give some of them to another workflow, and mind that each user costs a credit each time.',
		);
	}
	return [...users.values()];
}

function located(error: Error, parameter: string, entries: unknown[], index: number): Error {
	if (!(error instanceof InvalidInput)) return error;
	const message = `${error.message} (entry ${index + 1} of ${entries.length})`;
	const entry = entries[index];
	const isSeveral = typeof entry === 'string' && /\S\s+\S/.test(entry);
	const advice = isSeveral
		? `${error.advice} Put commas or line breaks between several users.`
		: error.advice;
	return new InvalidInput(parameter, message, advice);
}

/** "@name", or the id: the shortest text that tells two users apart, and safe as a key. */
export function userKey(user: UserRef): string {
	return user.kind === 'id' ? user.id : `@${user.username}`;
}

function entriesOf(value: unknown): unknown[] {
	let values = [value];
	while (values.some(Array.isArray)) values = values.flat();
	return values.flatMap((each) => {
		if (typeof each !== 'string') return each === undefined || each === null ? [] : [each];
		return each.split(BETWEEN).filter((entry) => /[^\s\p{Cf}]/u.test(entry));
	});
}

function parseEntry(entry: unknown): UserRef {
	const isId = typeof entry === 'number' || (typeof entry === 'string' && isDigits(entry));
	return isId ? parseUserId(entry) : parseUsername(entry);
}

function isDigits(text: string): boolean {
	return /^[\s\p{Cf}]*\d+[\s\p{Cf}]*$/u.test(text);
}
