import fc from 'fast-check';
import type { JsonValue } from '../../nodes/shared/api/json';
import { nextPage, startList } from '../../nodes/shared/api/paging';
import { runs } from '../support/property';

describe('any API', () => {
	const anyPage = fc.record({
		items: fc.array(
			fc.record({
				id: fc.option(fc.integer({ min: 0, max: 60 }).map(String), { nil: undefined }),
				wanted: fc.boolean(),
			}),
			{ maxLength: 8 },
		),
		hasMore: fc.constantFrom<JsonValue>(true, 1, 'true', false, 0),
		cursor: fc.oneof(
			fc.integer({ min: -1, max: 40 }),
			fc.integer({ min: -1, max: 40 }).map(String),
		),
		reachedOlder: fc.boolean(),
	});

	test('the list ends within its caps, every wanted item comes once, and no request is repeated', () => {
		fc.assert(
			fc.property(
				fc.infiniteStream(anyPage),
				fc.integer({ min: 1, max: 50 }),
				fc.integer({ min: 1, max: 30 }),
				(stream, maxItems, maxPages) => {
					let state = startList({ maxItems, maxPages });
					const asked: string[] = [];
					const delivered: string[] = [];
					for (const each of stream) {
						asked.push(String(state.position.cursor));
						const outcome = nextPage(state, each);
						for (const index of outcome.take) {
							expect(each.items[index]?.wanted).toBe(true);
							const id = each.items[index]?.id;
							if (id !== undefined) delivered.push(id);
						}
						state = outcome.state;
						if (outcome.stop !== undefined) break;
						expect(outcome.next).toEqual(state.position);
					}
					expect(state.pages).toBeLessThanOrEqual(maxPages);
					expect(state.taken).toBeLessThanOrEqual(maxItems);
					expect(asked).toHaveLength(state.pages);
					expect(new Set(asked).size).toBe(asked.length);
					expect(new Set(delivered).size).toBe(delivered.length);
				},
			),
			runs(100),
		);
	});
});
