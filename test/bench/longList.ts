/**
 * Memory of one long list, page by page through the whole helper with its durable store: what is alive while it is
 * read, beside what its records take by themselves. `node test/bench/longList.ts [followers ...]`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { boundCall, readWholeList, RunReport } from './built.ts';
import { openClient, row } from './client.ts';

const PAGE = 200;
const MB = 2 ** 20;
const SAMPLE_EVERY_PAGES = 50;

if (process.argv[2] === 'serve') serve(Number(process.argv[3]));
else for (const followers of process.argv.slice(2).map(Number)) await measure(followers);
if (process.argv.length === 2) for (const followers of [20_000, 200_000]) await measure(followers);

/** In a process of its own, whose memory does not count. */
function serve(total: number): void {
	const server = createServer((request, response) => {
		const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
		const from = pathname === '/user-followers/' ? Number(searchParams.get('time')) : 0;
		const to = Math.min(from + PAGE, total);
		const followers = Array.from({ length: to - from }, (_, index) => person(from + index));
		const list = { followers, total, time: to, hasMore: to < total };
		response.end(JSON.stringify(pathname === '/userid/' ? { id: '107955' } : list));
	});
	server.listen(0, '127.0.0.1', () => {
		process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
	});
}

function person(index: number) {
	const id = String(6_943_972_350_728_700_000n + BigInt(index));
	return {
		...{ id, region: 'ES', sec_uid: `MS4wLjABAAAA${id.repeat(3)}`, unique_id: `person${index}` },
		...{ nickname: `Person ${index}`, signature: `I am number ${index}`, aweme_count: index % 90 },
		avatar: `https://p16-sign.tiktokcdn.example/avatar/${id}.jpeg?x-expires=1774473919&x-signature=${id}`,
		...{ follower_count: index, following_count: 3, favoriting_count: 9, total_favorited: 12 },
		...{ ins_id: '', twitter_id: '', youtube_channel_id: '' },
	};
}

async function measure(followers: number): Promise<void> {
	const path = fileURLToPath(import.meta.url);
	const server = spawn(process.execPath, [path, 'serve', String(followers)], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const [port] = (await once(server.stdout, 'data')) as [Buffer];
	const limits = { requestsPerMinute: 1_000_000, burst: 100_000 };
	const bench = openClient(`http://127.0.0.1:${Number(port)}`, { limits });
	const call = boundCall(bench.client, {}, new RunReport());
	try {
		const base = live();
		let peak = 0;
		let pages = 0;
		const { records } = await readWholeList(
			call,
			'userFollowers',
			{
				user: { kind: 'username', username: 'somebody' },
				...{ limit: undefined, maxPages: followers, simplify: true },
				includeBookmark: false,
			},
			async () => {
				pages += 1;
				if (pages % SAMPLE_EVERY_PAGES === 0) peak = Math.max(peak, live() - base);
			},
		);
		const withRecords = live() - base;
		const count = records.length;
		records.length = 0;
		const own = withRecords - (live() - base);
		row(`${count} followers, ${pages} pages: alive at most while reading`, `${mb(peak)} MB`);
		row('  of these the records', `${mb(own)} MB, ${Math.round(own / count)} B each`);
		row('  beside them (stored pages in memory, one page, ids)', `${mb(peak - own)} MB`);
		row('  largest resident set', `${mb(process.resourceUsage().maxRSS * 1024)} MB`);
	} finally {
		await bench.close();
		server.kill();
	}
}

/** Bytes of the heap that somebody holds. */
function live(): number {
	setFlagsFromString('--expose-gc');
	(runInNewContext('gc') as () => void)();
	return process.memoryUsage().heapUsed;
}

function mb(bytes: number): string {
	return (bytes / MB).toFixed(0);
}
