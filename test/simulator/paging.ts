import type { Person } from './population.ts';
import type { Special } from './specials.ts';

/** Where a page begins. `afterEmpty` tells the two bookmarks of one position apart. */
export interface Place {
	position: number;
	afterEmpty: boolean;
}

export interface Page {
	/** Positions [from, to) of the list. */
	from: number;
	to: number;
	next: Place;
	hasMore: boolean;
}

const FIRST: Place = { position: 0, afterEmpty: false };

/** One page of a list of `total` items, asked at `place` with `count` items at most. */
export function pageAt(
	place: Place,
	count: number,
	total: number,
	paging: Special['paging'],
): Page {
	const { position } = place;
	switch (paging) {
		case 'repeat':
			return { ...slice(position, count, total), next: at(position || count), hasMore: true };
		case 'cycle':
			return {
				...slice(position, count, total),
				next: at(position < 2 * count ? position + count : count),
				hasMore: true,
			};
		case 'endless':
			return { ...slice(0, count, total), next: at(position + count), hasMore: true };
		case 'empty-middle':
			if (position > 0 && !place.afterEmpty) {
				return { from: 0, to: 0, next: { position, afterEmpty: true }, hasMore: true };
			}
			return slice(position, count, total);
		case 'short':
			return slice(position, Math.ceil(count / 3), total);
		case 'no-list-at-end':
		case 'null-list-at-end': {
			const page = slice(position, count, total);
			return { ...page, hasMore: page.to > page.from };
		}
		case 'overlap':
			return slice(Math.max(position - Math.min(2, count - 1), 0), count, total);
		case undefined:
			return slice(position, count, total);
	}
}

/**
 * The `time` of the lists of people: epoch seconds, going backwards from the list's start. Each position
 * has a slot of 37 s, so that neighbours have different values and values between them are understood.
 */
export const peopleBookmark = {
	write(owner: Person, place: Place): number {
		return owner.listStartSeconds - place.position * 37 - (place.afterEmpty ? 1 : 0);
	},
	read(owner: Person, seconds: number): Place {
		if (seconds <= 0) return FIRST;
		const passed = Math.max(owner.listStartSeconds - seconds, 0);
		return { position: Math.floor(passed / 37), afterEmpty: passed % 37 > 0 };
	},
};

/**
 * The `cursor` of a feed: epoch milliseconds, everything older follows. The start of the last post's
 * interval is used, so a cursor stays right when new posts appear on top.
 */
export const feedBookmark = {
	write(owner: Person, place: Place): number {
		const intervals = owner.totals.posts - place.position;
		const seconds = owner.feedStartSeconds + intervals * owner.feedIntervalSeconds;
		return seconds * 1000 + (place.afterEmpty ? 1 : 0);
	},
	read(owner: Person, milliseconds: number): Place {
		if (milliseconds <= 0) return FIRST;
		const passed = milliseconds / 1000 - owner.feedStartSeconds;
		const intervals = Math.floor(passed / owner.feedIntervalSeconds);
		return {
			position: Math.max(owner.totals.posts - intervals, 0),
			afterEmpty: milliseconds % 1000 > 0,
		};
	},
};

function slice(position: number, count: number, total: number): Page {
	const from = Math.min(position, total);
	const to = Math.min(position + count, total);
	return { from, to, next: at(to), hasMore: to < total };
}

function at(position: number): Place {
	return { position, afterEmpty: false };
}
