/** Looked up once: in jest's sandbox each look-up of a global is slow, and this runs millions of times. */
const { imul } = Math;

/** Uniform 32-bit hash of a seed, a number below 2^32 and a salt (murmur3's finalizer, chained). */
export function hash(seed: number, index: number, salt: number): number {
	return mix(imul(mix(imul(mix(seed + salt), 0x9e3779b1) ^ index), 0x85ebca77) ^ salt);
}

/** A stream of numbers in [0, 1) that is the same for the same seed. */
export function randomFrom(seed: number): () => number {
	let drawn = 0;
	return () => hash(seed, drawn++, 0x51ed270b) / 2 ** 32;
}

function mix(value: number): number {
	let mixed = value >>> 0;
	mixed = imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
	mixed = imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
	return (mixed ^ (mixed >>> 16)) >>> 0;
}
