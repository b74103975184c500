import type { Availability } from './availability';
import { RedisTrouble } from './connection';

const MOST_TRIES = 3;

/**
 * Runs `ask`; where it finds that Redis has lost what it stands on (it returns undefined), this process first
 * brings in again what it knows.
 *
 * @throws RedisTrouble when Redis loses it each time
 */
export async function withState<T>(
	availability: Availability,
	ask: () => Promise<T | undefined>,
): Promise<T> {
	for (let tries = 0; tries < MOST_TRIES; tries++) {
		const answer = await ask();
		if (answer !== undefined) return answer;
		if (!(await availability.rejoin())) break;
	}
	throw new RedisTrouble('it loses what is stored');
}
