import {
	MAX_EMPTY_PAGES,
	MAX_REMEMBERED_CURSORS,
	MAX_REMEMBERED_IDS,
	MAX_STALE_PAGES,
	MIN_NEXT_PAGE,
	nextPage,
	pageSize,
	startList,
	type ListState,
	type Page,
	type PageOutcome,
} from '../../nodes/shared/api/paging';
import type { JsonValue } from '../../nodes/shared/api/json';

const all = (options: Partial<Parameters<typeof startList>[0]> = {}) =>
	startList({ maxItems: Infinity, maxPages: 1_000_000, ...options });

const items = (...ids: (string | undefined)[]) => ids.map((id) => ({ id, wanted: true }));

const page = (
	ids: (string | undefined)[],
	cursor: JsonValue | undefined,
	rest: Partial<Page> = {},
): Page => ({
	items: items(...ids),
	hasMore: true,
	cursor,
	reachedOlder: false,
	...rest,
});

/** Reads pages until one stops the list; returns the outcome of each. */
function read(pages: Page[], state: ListState = all()): PageOutcome[] {
	const outcomes: PageOutcome[] = [];
	for (const each of pages) {
		const outcome = nextPage(state, each);
		outcomes.push(outcome);
		if (outcome.stop !== undefined) return outcomes;
		state = outcome.state;
	}
	return outcomes;
}

const stops = (pages: Page[], state?: ListState) => read(pages, state).map(({ stop }) => stop);
const on = undefined;

describe('the ordinary list', () => {
	test('begins at 0 and goes where each page points, to the end', () => {
		expect(all().position).toEqual({ cursor: 0, delivered: 0 });
		const outcomes = read([
			page(['a', 'b'], 30),
			page(['c'], 20),
			page(['d'], 10, { hasMore: false }),
		]);
		expect(outcomes.map(({ take }) => take)).toEqual([[0, 1], [0], [0]]);
		expect(outcomes.map(({ stop }) => stop)).toEqual([on, on, 'end']);
		expect(outcomes.map(({ next }) => next)).toEqual([
			{ cursor: 30, delivered: 0 },
			{ cursor: 20, delivered: 0 },
			undefined,
		]);
		expect(outcomes.map(({ state }) => [state.pages, state.taken])).toEqual([
			[1, 2],
			[2, 3],
			[3, 4],
		]);
		expect(outcomes[0]?.state.position).toEqual({ cursor: 30, delivered: 0 });
	});

	test('a cursor is echoed exactly, number or text', () => {
		const next = (cursor: JsonValue) => nextPage(all(), page(['a'], cursor)).next?.cursor;
		expect(next('1639312724000')).toBe('1639312724000');
		expect(next(1639312724000)).toBe(1639312724000);
		expect(next('16393127240001639312724')).toBe('16393127240001639312724');
		expect(next(' 7 ')).toBe(' 7 ');
		expect(next('opaque==')).toBe('opaque==');
		expect(next(0.5)).toBe(0.5);
		expect(next('0.5')).toBe('0.5');
		expect(next(1)).toBe(1);
	});

	test('does not change the state that it is given', () => {
		const state = all();
		const before = structuredClone(state);
		nextPage(state, page(['a'], 1));
		expect(state).toEqual(before);
	});
});

describe('hasMore', () => {
	test.each([
		[false],
		[0],
		[null],
		[undefined],
		[''],
		['0'],
		['false'],
		['False'],
		[' false '],
		['null'],
	])('%p ends the list', (hasMore) => {
		expect(nextPage(all(), page(['a'], 5, { hasMore }))).toMatchObject({
			stop: 'end',
			next: undefined,
			take: [0],
		});
	});

	test.each([[true], [1], ['1'], ['true'], [{}], [[]]])('%p goes on', (hasMore) => {
		expect(nextPage(all(), page(['a'], 5, { hasMore })).stop).toBeUndefined();
	});
});

describe('the cursor', () => {
	test.each([
		[undefined],
		[null],
		[0],
		[-1],
		[-0.5],
		[''],
		['  '],
		['0'],
		['-1'],
		['0.0'],
		[true],
		[{}],
		[[1]],
		[Infinity],
	])('%p leads nowhere', (cursor) => {
		expect(nextPage(all(), page(['a'], cursor))).toMatchObject({
			stop: 'no-cursor',
			next: undefined,
			take: [0],
		});
	});

	test('one that stands still ends the list', () => {
		expect(stops([page(['a'], 5), page(['b'], 5), page(['c'], 4)])).toEqual([
			on,
			'repeated-cursor',
		]);
	});

	test('one that stands still as another type does too', () => {
		expect(stops([page(['a'], 5), page(['b'], '5')])).toEqual([on, 'repeated-cursor']);
	});

	test('a cycle A-B-A ends the list', () => {
		expect(stops([page(['a'], 7), page(['b'], 6), page(['c'], 7)])).toEqual([
			on,
			on,
			'repeated-cursor',
		]);
	});

	test('a cycle back to where a bookmark began ends the list', () => {
		const state = all({ position: { cursor: 7, delivered: 0 } });
		expect(stops([page(['a'], 6), page(['b'], 7)], state)).toEqual([on, 'repeated-cursor']);
	});

	test('a repeat ends the list for good, with the items of its page', () => {
		expect(read([page(['a'], 5), page(['b'], 5)])[1]).toMatchObject({ take: [0], next: undefined });
	});

	test('a time that goes up is followed, but never to a place seen before', () => {
		expect(stops([page(['a'], 5), page(['b'], 9), page(['c'], 12), page(['d'], 9)])).toEqual([
			on,
			on,
			on,
			'repeated-cursor',
		]);
	});

	test('the latest thousand are remembered', () => {
		const cycle = (length: number) =>
			Array.from({ length: length + 1 }, (_, index) => page([`i${index}`], 1 + (index % length)));
		expect(stops(cycle(MAX_REMEMBERED_CURSORS)).at(-1)).toBe('repeated-cursor');
		expect(stops(cycle(MAX_REMEMBERED_CURSORS + 1)).at(-1)).toBeUndefined();
		expect(read(cycle(MAX_REMEMBERED_CURSORS + 50)).at(-1)?.state.cursors).toHaveLength(1_000);
	});
});

describe('empty pages', () => {
	test('two in a row may be passed over, the third ends the list', () => {
		expect(MAX_EMPTY_PAGES).toBe(2);
		expect(stops([page([], 9), page([], 8), page([], 7), page(['a'], 6)])).toEqual([
			on,
			on,
			'empty-pages',
		]);
		expect(read([page([], 9), page([], 8), page([], 7)])[2]?.next).toBeUndefined();
	});

	test('a page with an item starts the count again', () => {
		expect(
			stops([page([], 9), page([], 8), page(['a'], 7), page([], 6), page([], 5), page(['b'], 4)]),
		).toEqual(Array(6).fill(on));
	});

	test('an empty page without more, or without a cursor, ends at once', () => {
		expect(stops([page([], 9, { hasMore: false })])).toEqual(['end']);
		expect(stops([page([], undefined)])).toEqual(['no-cursor']);
	});
});

describe('pages without anything new', () => {
	test('the second in a row ends the list', () => {
		expect(MAX_STALE_PAGES).toBe(2);
		expect(stops([page(['a'], 9), page(['a'], 8), page(['a'], 7)])).toEqual([
			on,
			on,
			'nothing-new',
		]);
		expect(read([page(['a'], 9), page(['a'], 8), page(['a'], 7)])[2]?.next).toBeUndefined();
	});

	test('one new item starts the count again', () => {
		expect(
			stops([page(['a'], 9), page(['a'], 8), page(['a', 'b'], 7), page(['b'], 6), page(['c'], 5)]),
		).toEqual(Array(5).fill(on));
	});

	test('an empty page between them does not', () => {
		expect(stops([page(['a'], 9), page(['a'], 8), page([], 7), page(['a'], 6)])).toEqual([
			on,
			on,
			on,
			'nothing-new',
		]);
	});

	test('items without an id are delivered, but cannot keep a list going', () => {
		const outcomes = read([page([undefined, undefined], 9), page([undefined], 8)]);
		expect(outcomes.map(({ take }) => take)).toEqual([[0, 1], [0]]);
		expect(outcomes.map(({ stop }) => stop)).toEqual([on, 'nothing-new']);
	});

	test('items that are new but not wanted keep it going', () => {
		const unwanted = (id: string, cursor: number) =>
			page([], cursor, { items: [{ id, wanted: false }] });
		const outcomes = read([unwanted('a', 9), unwanted('b', 8), unwanted('c', 7)]);
		expect(outcomes.map(({ stop }) => stop)).toEqual([on, on, on]);
		expect(outcomes.flatMap(({ take }) => take)).toEqual([]);
	});
});

describe('repeats', () => {
	test('are left out, within a page and over pages', () => {
		const outcomes = read([page(['a', 'b', 'a'], 9), page(['b', 'c'], 8), page(['a', 'd'], 7)]);
		expect(outcomes.map(({ take }) => take)).toEqual([[0, 1], [1], [1]]);
	});

	test('an unwanted item that comes again is still a repeat', () => {
		const outcomes = read([
			page([], 9, { items: [{ id: 'a', wanted: false }] }),
			page(['a', 'b'], 8),
		]);
		expect(outcomes[1]?.take).toEqual([1]);
	});

	const full = (from: number, cursor: number) =>
		page(
			Array.from({ length: 200 }, (_, index) => `id${from + index}`),
			cursor,
		);

	test('the memory is bounded: the oldest pages are forgotten', () => {
		expect(MAX_REMEMBERED_IDS).toBe(20_000);
		let state = all();
		for (let index = 0; index < 150; index++)
			state = nextPage(state, full(index * 200, index + 1)).state;
		expect(state.ids.reduce((sum, ids) => sum + ids.size, 0)).toBe(20_000);
		expect(nextPage(state, page(['id29999', 'id10000', 'id9999'], 999)).take).toEqual([2]);
	});

	test('pages without anything new take no memory', () => {
		const { state } = nextPage(all(), page(['a'], 9));
		expect(nextPage(state, page(['a'], 8)).state.ids).toEqual([new Set(['a'])]);
		expect(nextPage(state, page([], 8)).state.ids).toHaveLength(1);
	});

	test('one giant page is remembered whole', () => {
		const ids = Array.from({ length: 30_000 }, (_, index) => `id${index}`);
		const { state } = nextPage(all(), page(ids, 1));
		expect(nextPage(state, page(['id0', 'id29999'], 2)).take).toEqual([]);
	});
});

describe('the item cap', () => {
	test('within a page: the bookmark is in that page', () => {
		expect(nextPage(all({ maxItems: 2 }), page(['a', 'b', 'c'], 9))).toMatchObject({
			take: [0, 1],
			stop: 'limit',
			next: { cursor: 0, delivered: 2 },
			state: { position: { cursor: 0, delivered: 2 }, taken: 2, pages: 1 },
		});
	});

	test('at the end of a page: the bookmark is the next page', () => {
		expect(nextPage(all({ maxItems: 2 }), page(['a', 'b'], 9))).toMatchObject({
			take: [0, 1],
			stop: 'limit',
			next: { cursor: 9, delivered: 0 },
		});
	});

	test('at the end of the list: it has ended', () => {
		expect(nextPage(all({ maxItems: 2 }), page(['a', 'b'], 9, { hasMore: false }))).toMatchObject({
			stop: 'end',
			next: undefined,
		});
	});

	test('what follows in the page does not matter when it is repeated or not wanted', () => {
		const rest = { items: [...items('a', 'b', 'a'), { id: 'old', wanted: false }] };
		expect(nextPage(all({ maxItems: 2 }), page([], 9, rest))).toMatchObject({
			take: [0, 1],
			stop: 'limit',
			next: { cursor: 9, delivered: 0 },
		});
	});

	test('the bookmark counts all items before it, repeated ones too', () => {
		expect(nextPage(all({ maxItems: 2 }), page(['a', 'a', 'b', 'c'], 9)).next).toEqual({
			cursor: 0,
			delivered: 3,
		});
	});

	test('counts over pages', () => {
		const outcomes = read([page(['a', 'b'], 9), page(['c', 'd'], 8)], all({ maxItems: 3 }));
		expect(outcomes[1]).toMatchObject({
			take: [0],
			stop: 'limit',
			next: { cursor: 9, delivered: 1 },
		});
	});

	test('within the last page: there is more', () => {
		expect(nextPage(all({ maxItems: 1 }), page(['a', 'b'], 0, { hasMore: false }))).toMatchObject({
			stop: 'limit',
			next: { cursor: 0, delivered: 1 },
		});
	});
});

describe('the page cap', () => {
	test('ends the run, not the list', () => {
		const outcomes = read([page(['a'], 9), page(['b'], 8), page(['c'], 7)], all({ maxPages: 2 }));
		expect(outcomes.map(({ stop }) => stop)).toEqual([on, 'max-pages']);
		expect(outcomes[1]?.next).toEqual({ cursor: 8, delivered: 0 });
	});

	test('the end of the list and the item cap are told first', () => {
		expect(stops([page(['a'], 9, { hasMore: false })], all({ maxPages: 1 }))).toEqual(['end']);
		expect(stops([page(['a'], 9)], all({ maxPages: 1, maxItems: 1 }))).toEqual(['limit']);
	});
});

describe('an older item', () => {
	test('ends the list after its page', () => {
		expect(nextPage(all(), page(['a', 'b'], 9, { reachedOlder: true }))).toMatchObject({
			take: [0, 1],
			stop: 'older',
			next: undefined,
		});
		expect(stops([page(['a'], undefined, { reachedOlder: true })])).toEqual(['older']);
		expect(stops([page(['a'], 9, { reachedOlder: true, hasMore: 0 })])).toEqual(['end']);
	});

	test('not when wanted items of that page are still to be delivered', () => {
		expect(
			nextPage(all({ maxItems: 1 }), page(['a', 'b'], 9, { reachedOlder: true })),
		).toMatchObject({
			stop: 'limit',
			next: { cursor: 0, delivered: 1 },
		});
	});
});

describe('going on within a page', () => {
	const state = all({ position: { cursor: 9, delivered: 2 }, firstCount: 3 });

	test('passes over what was delivered, and knows it when it comes again', () => {
		const outcomes = read([page(['a', 'b', 'c'], 8), page(['a', 'b', 'c', 'd'], 7)], state);
		expect(outcomes.map(({ take }) => take)).toEqual([[2], [3]]);
		expect(outcomes[0]?.state.taken).toBe(1);
	});

	test('only the first page is passed over', () => {
		expect(read([page(['a', 'b', 'c'], 8), page(['d', 'e'], 7)], state)[1]?.take).toEqual([0, 1]);
	});

	test('a page that has shrunk to what was delivered is not new', () => {
		expect(stops([page(['a', 'b'], 8), page(['a'], 7)], state)).toEqual([on, 'nothing-new']);
	});

	test('a cap within the same page counts from its start', () => {
		const one = all({ position: { cursor: 9, delivered: 1 }, firstCount: 3, maxItems: 1 });
		expect(nextPage(one, page(['a', 'b', 'c'], 8))).toMatchObject({
			take: [1],
			stop: 'limit',
			next: { cursor: 9, delivered: 2 },
		});
	});
});

describe('pageSize', () => {
	test.each([
		[1, 1],
		[34, 34],
		[35, 35],
		[36, 35],
		[Infinity, 35],
	])('for %d items the first page is %d', (maxItems, size) => {
		expect(pageSize(all({ maxItems }), 35)).toBe(size);
	});

	test('later pages ask for what is missing, but for no fewer than 20', () => {
		expect(MIN_NEXT_PAGE).toBe(20);
		const later = (maxItems: number) => nextPage(all({ maxItems }), page(['a'], 9)).state;
		expect(pageSize(later(2), 200)).toBe(20);
		expect(pageSize(later(21), 200)).toBe(20);
		expect(pageSize(later(22), 200)).toBe(21);
		expect(pageSize(later(1_000), 200)).toBe(200);
		expect(pageSize(later(2), 10)).toBe(10);
	});

	test('a page that was left half read is asked for as it was', () => {
		const state = all({ maxItems: 5, position: { cursor: 9, delivered: 1 }, firstCount: 33 });
		expect(pageSize(state, 35)).toBe(33);
		expect(pageSize(nextPage(state, page(['a', 'b'], 8)).state, 35)).toBe(20);
	});
});

describe('any API', () => {
	test('that always has more, always with a new cursor, but nothing new, costs three pages', () => {
		let state = all();
		let pages = 0;
		for (;;) {
			pages++;
			const outcome = nextPage(state, page(['a', 'b'], 1_000 + pages));
			if (outcome.stop !== undefined) break;
			state = outcome.state;
		}
		expect(pages).toBe(3);
	});
});
