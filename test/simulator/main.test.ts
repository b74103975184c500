import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PROGRAM = join(__dirname, 'main.ts');
const USER_INFO = '/userinfo-by-username/?username=creator000017';

let child: ChildProcess | undefined;

afterEach(() => child?.kill('SIGKILL'));

async function start(...options: string[]): Promise<string> {
	child = spawn(process.execPath, [PROGRAM, ...options], { stdio: ['ignore', 'pipe', 'pipe'] });
	const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
	return (JSON.parse(line) as { url: string }).url;
}

async function ask(url: string, key: string): Promise<[number, Record<string, unknown>]> {
	const response = await fetch(url, { headers: { 'x-api-key': key } });
	return [response.status, (await response.json()) as Record<string, unknown>];
}

describe('the program', () => {
	it('prints one line with the url, obeys its options and ends on SIGTERM', async () => {
		const url = await start(
			...['--port', '0', '--key', 'mine', '--size', '50', '--seed', '2', '--credits', '2'],
			...['--per-minute', '3', '--window-ms', '60000'],
		);
		expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
		expect(await ask(`${url}${USER_INFO}`, 'other')).toEqual([
			200,
			{ message: expect.any(String) },
		]);
		expect(await ask(`${url}${USER_INFO}`, 'mine')).toEqual([
			200,
			expect.objectContaining({ user: expect.anything() }),
		]);
		expect((await ask(`${url}/userid/?username=creator000050`, 'mine'))[1]).toEqual({
			status: 'error',
			message: 'Not found user',
		});
		expect(await ask(`${url}${USER_INFO}`, 'mine')).toEqual([
			200,
			{ message: expect.stringMatching(/credit/) },
		]);
		expect((await ask(`${url}${USER_INFO}`, 'mine'))[0]).toBe(429);
		child!.kill('SIGTERM');
		expect(await once(child!, 'exit')).toEqual([0, null]);
	});

	it('can do without limits', async () => {
		const url = await start('--port', '0', '--per-minute', '1', '--no-limits');
		const answers = await Promise.all([1, 2, 3].map(() => ask(`${url}${USER_INFO}`, 'test-key')));
		expect(answers.map(([status]) => status)).toEqual([200, 200, 200]);
	});

	it('refuses a bad option', async () => {
		child = spawn(process.execPath, [PROGRAM, '--port', 'many'], { stdio: 'ignore' });
		expect((await once(child, 'exit'))[0]).not.toBe(0);
	});

	it('warns of nothing', async () => {
		await start('--port', '0');
		let complaints = '';
		child!.stderr!.on('data', (piece) => (complaints += String(piece)));
		child!.kill('SIGINT');
		await once(child!, 'close');
		expect(complaints).toBe('');
	});
});
