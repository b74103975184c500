import fc from 'fast-check';
import type { Call } from '../../nodes/shared/api/call';
import { readList } from '../../nodes/shared/api/operations';
import { runs } from '../support/property';

/** An API with `total` people that may ignore `count`, cursors being places in the list. */
function api(total: number, size: (count: number) => number): Call {
	return async (endpoint, { count, time }) => {
		const from = Number(time);
		const to = Math.min(total, from + size(Number(count)));
		const followers = Array.from({ length: to - from }, (_, index) => ({
			id: String(from + index),
		}));
		const body =
			endpoint === 'userId' ? { id: '77' } : { followers, time: to, hasMore: to < total };
		return { body, source: 'network', fetchedAtMs: 1_000, attempts: 1, credits: 1 };
	};
}

/** One run, which goes on where another one has ended. */
async function read(
	total: number,
	size: (count: number) => number,
	limit: number,
	startFrom: string | undefined,
) {
	const list = readList(api(total, size), {
		...{ endpoint: 'userFollowers', user: { kind: 'username', username: 'ana' } },
		...{ limit, maxPages: 1_000, startFrom },
	});
	const ids: unknown[] = [];
	for (;;) {
		const { done, value } = await list.next();
		if (done) return { ids, bookmark: value.bookmark };
		ids.push(...value.records.map(({ id }) => id));
	}
}

describe('a list read in pieces', () => {
	test('is the list, whatever the pieces and the page sizes', async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.nat({ max: 900 }),
				fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
				fc.constantFrom<(count: number) => number>(
					(count) => count,
					() => 50,
					(count) => count + 7,
					(count) => Math.max(1, count >> 1),
				),
				async (total, limits, size) => {
					const ids: unknown[] = [];
					let startFrom: string | undefined;
					for (let piece = 0; ; piece++) {
						const limit = limits[piece % limits.length] ?? 1;
						const part = await read(total, size, limit, startFrom);
						ids.push(...part.ids);
						expect(part.ids.length).toBeLessThanOrEqual(limit);
						startFrom = part.bookmark;
						if (startFrom === undefined) break;
						expect(part.ids).toHaveLength(limit);
					}
					expect(ids).toEqual(Array.from({ length: total }, (_, index) => String(index)));
				},
			),
			runs(100),
		);
	});
});
