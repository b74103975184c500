import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { StoredResponse } from '../../resilience/ports';

/** Shorter bodies gain too little. */
const COMPRESS_FROM_BYTES = 512;

interface Head {
	v: 1;
	endpoint: string;
	kind: StoredResponse['kind'];
	fetchedAtMs: number;
	keepUntilMs: number;
	compressed: boolean;
	checksum: number;
}

/** One line of JSON and the body behind it. */
export function toBytes(response: StoredResponse): Buffer {
	const { endpoint, kind, fetchedAtMs, keepUntilMs } = response;
	const plain = Buffer.from(response.body);
	const packed = plain.length < COMPRESS_FROM_BYTES ? plain : zstdCompressSync(plain);
	const compressed = packed.length < plain.length * 0.9;
	const body = compressed ? packed : plain;
	const head: Head = {
		...{ v: 1, endpoint, kind, fetchedAtMs, keepUntilMs, compressed },
		checksum: checksum(body, response),
	};
	return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), body]);
}

/** Undefined when it is damaged. */
export function fromBytes(key: string, bytes: Buffer): StoredResponse | undefined {
	try {
		const end = bytes.indexOf('\n');
		const { v, endpoint, kind, fetchedAtMs, keepUntilMs, ...head } = JSON.parse(
			bytes.toString('utf8', 0, end),
		) as Head;
		const stored = bytes.subarray(end + 1);
		const response = { key, endpoint, kind, fetchedAtMs, keepUntilMs };
		if (v !== 1 || head.checksum !== checksum(stored, response)) return undefined;
		const plain = head.compressed ? zstdDecompressSync(stored) : stored;
		return { ...response, body: plain.toString('utf8') };
	} catch {
		return undefined;
	}
}

function checksum(body: Buffer, response: Omit<StoredResponse, 'body'>): number {
	const { endpoint, kind, fetchedAtMs, keepUntilMs } = response;
	return crc32(body, crc32([endpoint, kind, fetchedAtMs, keepUntilMs].join(' ')));
}
