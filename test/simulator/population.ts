import { hash } from './chance.ts';
import type { Person, PersonEdit, Post } from './people.ts';
import { SPECIAL_USERS, USUAL_TOTALS, type Special, type Totals } from './specials.ts';

export type { Count, Person, PersonEdit, Post } from './people.ts';

export interface PopulationOptions {
	seed: number;
	/** Numbered users. Lists are cut to `size - 1` people, so below 50,000 some are shorter. */
	size: number;
}

/** Everything in the population happened before this moment; published posts come after it. Epoch seconds. */
export const POPULATION_NOW_SECONDS = Date.UTC(2026, 0, 1) / 1000;

const SPECIALS_START = 2_000_000_000;
const SPECIAL_NAMES = Object.keys(SPECIAL_USERS);
const ABOVE_2_53 = 9_007_199_254_740_993n;
const STRANGE_TEXT = {
	unicode:
		'\u{1F468}\u200D\u{1F469}\u200D\u{1F467} e\u0301 \u202Eعربى\u202C 日本語 \u2028\u2029\u0000 "quoted" \\ </script>',
	'lone-surrogate': 'half \ud83d and \udc00 done',
};

const REGIONS = ['US', 'ES', 'DE', 'BR', 'ID', 'VN', 'JP', 'FR', 'GB', 'MX'];
const FIRST = ['Ada', 'Bruno', 'Chloé', 'Dmitri', 'Emi', 'Farah', 'Goran', 'Hana', 'Iván', 'Jing'];
const LAST = ['Kozurin', 'López', 'Müller', 'Nakata', 'Okafor', 'Pham', 'Quist', 'Rossi'];
const WORDS = [
	'dance',
	'cooking',
	'travel',
	'street food',
	'gym',
	'guitar',
	'diy',
	'cats',
	'study',
];

/** Salts, one per property, so that no property follows from another. */
// prettier-ignore
const SALT = {
	seed: 1, id: 2, names: 3, bio: 4, region: 5, verified: 6, size: 7, followers: 8, following: 9,
	posts: 10, hearts: 11, likes: 12, list: 13, feed: 14, media: 16, followerStart: 17,
	followerStep: 18, followedStart: 19, followedStep: 20, links: 21, post: 1000,
} as const;

/**
 * Users, their posts and who follows whom, all computed from the seed when asked for.
 * Nothing is kept but what a test published or edited.
 */
export class Population {
	readonly size: number;

	readonly #seed: number;

	readonly #published = new Map<number, number>();

	readonly #edits = new Map<number, PersonEdit>();

	constructor(options: PopulationOptions) {
		if (!Number.isInteger(options.size) || options.size < 1 || options.size >= SPECIALS_START) {
			throw new RangeError(`size must be a whole number from 1 to ${SPECIALS_START - 1}`);
		}
		this.size = options.size;
		this.#seed = options.seed;
	}

	/** For example creator000017. @throws RangeError outside the population. */
	username(index: number): string {
		if (!Number.isInteger(index) || index < 0 || index >= this.size) {
			throw new RangeError(`No user ${index} in a population of ${this.size}`);
		}
		return numberedName(index);
	}

	/** The numeric id that the list endpoints want, also for special users. @throws RangeError for a name nobody has. */
	id(username: string): string {
		const index = this.#indexOf(username);
		if (index === undefined) throw new RangeError(`No user ${username}`);
		return this.#id(index);
	}

	/** Handles are case-insensitive; a leading "@" is not part of one. */
	byUsername(username: string): Person | undefined {
		return this.#visible(this.#indexOf(username));
	}

	byId(id: string): Person | undefined {
		const index = Math.floor(Number(id.slice(6)) / 1009);
		const known = index < this.size || SPECIAL_NAMES[index - SPECIALS_START] !== undefined;
		return known && this.#id(index) === id ? this.#visible(index) : undefined;
	}

	person(index: number): Person {
		const special = this.#special(index);
		const drawn = this.#totals(index, special);
		const posts = drawn.posts + (this.#published.get(index) ?? 0);
		const huge = special?.body === 'huge-numbers';
		const feedIntervalSeconds = 10_800 + (this.#hash(index, SALT.feed) % 162_000);
		const id = this.#id(index);
		return {
			index,
			username: special ? SPECIAL_NAMES[index - SPECIALS_START]! : numberedName(index),
			id,
			secUid: `MS4wLjABAAAAv5iSuuXDJGDvJkmH_${id}vz1qYxAp1Bwypha`,
			nickname: this.#nickname(index, special),
			bio: this.#bio(index, special),
			region: pick(REGIONS, this.#hash(index, SALT.region)),
			verified: this.#hash(index, SALT.verified) % 20 === 0,
			private: special?.access === 'refused',
			avatarUrl: mediaUrl(
				'p16-sign-va',
				`tos-maliva-avt-0068/${id}~c5_1080x1080.jpeg`,
				this.#hash(index, SALT.media),
			),
			...this.#links(index),
			followerCount: huge ? ABOVE_2_53 : drawn.followers,
			followingCount: huge ? ABOVE_2_53 + 2n : drawn.following,
			heartCount: huge ? ABOVE_2_53 * 10n : this.#hash(index, SALT.hearts) % 2_000_000,
			videoCount: posts,
			likesGiven: this.#hash(index, SALT.likes) % 5_000,
			totals: { ...drawn, posts },
			listStartSeconds: POPULATION_NOW_SECONDS - (this.#hash(index, SALT.list) % 86_400),
			feedStartSeconds: POPULATION_NOW_SECONDS - drawn.posts * feedIntervalSeconds,
			feedIntervalSeconds,
			special,
			...this.#edits.get(index),
		};
	}

	/** The person at `position` (0 = newest) of a list; nobody twice, never the owner. */
	listed(owner: Person, list: 'followers' | 'following', position: number): Person {
		const [start, step] =
			list === 'followers'
				? [SALT.followerStart, SALT.followerStep]
				: [SALT.followedStart, SALT.followedStep];
		const others = this.#others(owner.index);
		const stride = coprime(this.#hash(owner.index, step), others);
		const shift = ((this.#hash(owner.index, start) % others) + position * stride) % others;
		const person = this.person(
			owner.index < this.size ? (owner.index + 1 + shift) % this.size : shift,
		);
		if (owner.special?.body === 'proto') return { ...person, region: null };
		if (owner.special?.body !== 'huge-numbers') return person;
		return { ...person, followerCount: ABOVE_2_53 + BigInt(2 * position) };
	}

	/** The post at `position` of the feed: newest first, but for a pinned one. */
	post(owner: Person, position: number): Post {
		const total = owner.totals.posts;
		const pinned = owner.special?.pinned === true && position === 0;
		const ordinal = owner.special?.pinned ? (total - position) % total : total - 1 - position;
		const draw = (property: number): number =>
			hash(this.#hash(owner.index, SALT.post), ordinal, property);
		const plays = draw(1) % 3_000_000;
		const huge = owner.special?.body === 'huge-numbers';
		const createdSeconds =
			owner.feedStartSeconds +
			ordinal * owner.feedIntervalSeconds +
			(draw(7) % owner.feedIntervalSeconds);
		// As in posts that others have captured: the time in the id is 4 to 21 s before create_time.
		const idSeconds = createdSeconds - 4 - (draw(13) % 18);
		const videoId = String((BigInt(idSeconds) << 32n) + BigInt(draw(2)));
		const photo = draw(3) % 12 === 0;
		const saves = Math.floor(plays / 400);
		return {
			videoId,
			awemeId: `v15044gf0000d${draw(4).toString(36)}fog${draw(5).toString(36)}`,
			title: this.#title(owner.special, draw(6), ordinal),
			createdSeconds,
			durationSeconds: photo ? 0 : 5 + (draw(8) % 175),
			plays: huge ? ABOVE_2_53 + BigInt(2 * ordinal) : plays,
			likes: Math.floor(plays / 17),
			comments: Math.floor(plays / 290),
			shares: Math.floor(plays / 390),
			saves: owner.special?.body === 'proto' ? null : saves,
			downloads: Math.floor(plays / 3_900),
			bytes: 200_000 + (draw(9) % 20_000_000),
			pinned,
			videoUrl: photo
				? null
				: mediaUrl('v16m-default', `${videoId}/video/tos/alisg/play.mp4`, draw(10)),
			coverUrl: mediaUrl('p16-sign-sg', `tos-alisg-p-0037/${videoId}~tplv-cover.jpeg`, draw(11)),
			musicUrl: mediaUrl('sf16-ies-music', `obj/${draw(12)}.mp3`, draw(12)),
			musicId: `68${digits(draw(12), 17)}`,
			imageUrls: photo
				? [1, 2].map((n) =>
						mediaUrl('p16-sign-sg', `tos-alisg-i-photomode/${videoId}-${n}.jpeg`, draw(11)),
					)
				: [],
		};
	}

	/** Adds posts on top of a feed, each newer than all before. */
	publish(username: string, posts = 1): void {
		const index = this.#known(username);
		this.#published.set(index, (this.#published.get(index) ?? 0) + posts);
	}

	/** Changes what a profile says, until reset. */
	edit(username: string, changes: PersonEdit): void {
		const index = this.#known(username);
		this.#edits.set(index, { ...this.#edits.get(index), ...changes });
	}

	/** Forgets what was published and edited. */
	reset(): void {
		this.#published.clear();
		this.#edits.clear();
	}

	#known(username: string): number {
		const person = this.byUsername(username);
		if (!person) throw new RangeError(`No user ${username}`);
		return person.index;
	}

	#visible(index: number | undefined): Person | undefined {
		if (index === undefined || this.#special(index)?.access === 'unknown') return undefined;
		return this.person(index);
	}

	#indexOf(username: string): number | undefined {
		const name = username.toLowerCase();
		for (const [renamed, { username: now }] of this.#edits) if (now === name) return renamed;
		const index = this.#firstIndexOf(name);
		const isGone = index !== undefined && this.#edits.get(index)?.username !== undefined;
		return isGone ? undefined : index;
	}

	#firstIndexOf(name: string): number | undefined {
		const place = SPECIAL_NAMES.indexOf(name);
		if (place >= 0) return SPECIALS_START + place;
		const index = Number(/^creator(\d{6,10})$/.exec(name)?.[1]);
		return index < this.size && numberedName(index) === name ? index : undefined;
	}

	#special(index: number): Special | undefined {
		if (index < SPECIALS_START) return undefined;
		const name = SPECIAL_NAMES[index - SPECIALS_START];
		return name === undefined ? undefined : SPECIAL_USERS[name as keyof typeof SPECIAL_USERS];
	}

	#hash(index: number, salt: number): number {
		return hash(this.#seed, index, salt);
	}

	/** `6`, five digits of the seed, thirteen that hold the index: invertible without a table. */
	#id(index: number): string {
		const inner = index * 1009 + (this.#hash(index, SALT.id) % 1009);
		return `6${digits(this.#hash(0, SALT.seed) % 100_000, 5)}${digits(inner, 13)}`;
	}

	#totals(index: number, special: Special | undefined): Totals {
		const others = this.#others(index);
		const totals = special ? (special.totals ?? USUAL_TOTALS) : this.#drawnTotals(index);
		return {
			followers: Math.min(totals.followers, others),
			following: Math.min(totals.following, others),
			posts: totals.posts,
		};
	}

	/** Three in a hundred have 10,000 to 40,000 followers, the others 0 to 1,000. */
	#drawnTotals(index: number): Totals {
		const followers = this.#hash(index, SALT.followers);
		const big = this.#hash(index, SALT.size) % 100 < 3;
		return {
			followers: big ? 10_000 + (followers % 30_001) : followers % 1_001,
			following: this.#hash(index, SALT.following) % 501,
			posts: this.#hash(index, SALT.posts) % 301,
		};
	}

	#others(index: number): number {
		return index < this.size ? this.size - 1 : this.size;
	}

	#links(index: number) {
		const drawn = this.#hash(index, SALT.links);
		const hasTwitterName = (drawn >>> 4) % 4 === 0;
		return {
			bioLink: drawn % 3 === 0 ? `creator.invalid/${index}` : null,
			instagram: (drawn >>> 2) % 3 === 0 ? `creator.${index}` : null,
			twitterName: hasTwitterName ? `creator_${index}` : null,
			twitterId: hasTwitterName || (drawn >>> 6) % 4 === 0 ? `12${digits(drawn, 17)}` : null,
			youtubeChannelId: (drawn >>> 8) % 4 === 0 ? `UC${digits(drawn, 22)}` : null,
		};
	}

	#nickname(index: number, special: Special | undefined): string {
		const drawn = this.#hash(index, SALT.names);
		const name = `${pick(FIRST, drawn)} ${pick(LAST, drawn >>> 8)}`;
		return withStrangeText(name, special);
	}

	#bio(index: number, special: Special | undefined): string | null {
		if (special?.body === 'proto') return null;
		const drawn = this.#hash(index, SALT.bio);
		const bio = `${pick(WORDS, drawn)} and ${pick(WORDS, drawn >>> 8)}`;
		return withStrangeText(drawn % 3 === 0 ? `${bio}\nmail@creator.invalid` : bio, special);
	}

	#title(special: Special | undefined, drawn: number, ordinal: number): string | null {
		if (special?.text === 'null-titles' || drawn % 40 === 0) return null;
		return withStrangeText(
			`${pick(WORDS, drawn)} no. ${ordinal} #${pick(WORDS, drawn >>> 8)}`,
			special,
		);
	}
}

function withStrangeText(text: string, special: Special | undefined): string {
	if (special?.text !== 'unicode' && special?.text !== 'lone-surrogate') return text;
	return `${text} ${STRANGE_TEXT[special.text]}`;
}

function numberedName(index: number): string {
	return `creator${digits(index, 6)}`;
}

function digits(value: number, width: number): string {
	return String(value).padStart(width, '0');
}

function pick(list: readonly string[], drawn: number): string {
	return list[drawn % list.length]!;
}

/** Looks like a signed and expiring address of TikTok's file servers; resolves nowhere. */
function mediaUrl(host: string, path: string, signature: number): string {
	return `https://${host}.tiktokcdn.invalid/${path}?x-expires=1767312000&x-signature=${signature.toString(36)}%2Bs%3D`;
}

/** A step below `modulus` that visits every place once. */
function coprime(drawn: number, modulus: number): number {
	let step = 1 + (drawn % modulus);
	while (greatestCommonDivisor(step, modulus) !== 1) step++;
	return step;
}

function greatestCommonDivisor(a: number, b: number): number {
	return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
