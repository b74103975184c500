import { feedBookmark, pageAt, peopleBookmark, type Place } from './paging.ts';
import { Population } from './population.ts';
import type { Special } from './specials.ts';

const START: Place = { position: 0, afterEmpty: false };

/** The pages a caller gets who follows the bookmarks, as [from, to, hasMore]. */
function walk(count: number, total: number, paging: Special['paging'], pages: number): unknown[] {
	const seen: unknown[] = [];
	let place = START;
	for (let page = 0; page < pages; page++) {
		const { from, to, next, hasMore } = pageAt(place, count, total, paging);
		seen.push([from, to, hasMore]);
		if (!hasMore) break;
		place = next;
	}
	return seen;
}

describe('pageAt', () => {
	it('walks a list and ends with hasMore false', () => {
		expect(walk(10, 25, undefined, 9)).toEqual([
			[0, 10, true],
			[10, 20, true],
			[20, 25, false],
		]);
		expect(walk(10, 20, undefined, 9)).toEqual([
			[0, 10, true],
			[10, 20, false],
		]);
		expect(walk(10, 0, undefined, 9)).toEqual([[0, 0, false]]);
	});

	it('repeats one bookmark for ever', () => {
		expect(pageAt(START, 10, 25, 'repeat').next.position).toBe(10);
		expect(pageAt({ ...START, position: 10 }, 10, 25, 'repeat').next.position).toBe(10);
		expect(walk(10, 25, 'repeat', 4).slice(1)).toEqual(Array(3).fill([10, 20, true]));
	});

	it('cycles A, B, A, B', () => {
		expect(walk(10, 25, 'cycle', 5)).toEqual([
			[0, 10, true],
			[10, 20, true],
			[20, 25, true],
			[10, 20, true],
			[20, 25, true],
		]);
	});

	it('gives the same items under ever new bookmarks', () => {
		expect(walk(10, 10, 'endless', 50)).toEqual(Array(50).fill([0, 10, true]));
		expect(pageAt({ ...START, position: 500 }, 10, 10, 'endless').next.position).toBe(510);
	});

	it('puts an empty page between two full ones', () => {
		expect(walk(10, 20, 'empty-middle', 9)).toEqual([
			[0, 10, true],
			[0, 0, true],
			[10, 20, false],
		]);
	});

	it('serves short pages and overlapping pages to the end', () => {
		expect(walk(10, 10, 'short', 9)).toEqual([
			[0, 4, true],
			[4, 8, true],
			[8, 10, false],
		]);
		expect(walk(10, 25, 'overlap', 9)).toEqual([
			[0, 10, true],
			[8, 18, true],
			[16, 25, false],
		]);
		expect(walk(1, 3, 'overlap', 9)).toHaveLength(3);
	});
});

describe('bookmarks', () => {
	const population = new Population({ seed: 1, size: 1_000 });
	const owner = population.byUsername('pinned_first')!;

	it.each([
		['people', peopleBookmark],
		['feed', feedBookmark],
	])('%s: each place is read back, values fall, and 0 or less is the start', (_, bookmark) => {
		let last = Infinity;
		for (const place of [1, 2, 35, 49, 50, 5_000].map((position) => ({
			position,
			afterEmpty: false,
		}))) {
			const value = bookmark.write(owner, place);
			expect(value).toBeLessThan(last);
			last = value;
			expect(bookmark.read(owner, value)).toEqual(place);
			const later = { ...place, afterEmpty: true };
			expect(bookmark.write(owner, later)).not.toBe(value);
			expect(bookmark.read(owner, bookmark.write(owner, later))).toEqual(later);
		}
		for (const start of [0, -1]) expect(bookmark.read(owner, start)).toEqual(START);
	});

	it('speaks seconds for people and milliseconds for feeds', () => {
		const place = { position: 3, afterEmpty: false };
		expect(String(peopleBookmark.write(owner, place))).toMatch(/^\d{10}$/);
		expect(String(feedBookmark.write(owner, place))).toMatch(/^\d{10}000$/);
	});

	it('goes on after the post whose own time is used as cursor', () => {
		const plain = population.byUsername('short_pages')!;
		const third = population.post(plain, 2);
		expect(feedBookmark.read(plain, third.createdSeconds * 1000).position).toBe(3);
	});

	it('keeps its place in a feed that grows', () => {
		const live = new Population({ seed: 1, size: 1_000 });
		const before = live.byUsername('short_pages')!;
		const cursor = feedBookmark.write(before, { position: 10, afterEmpty: false });
		const next = live.post(before, 10);
		live.publish('short_pages', 3);
		const after = live.byUsername('short_pages')!;
		expect(live.post(after, feedBookmark.read(after, cursor).position)).toEqual(next);
	});
});
