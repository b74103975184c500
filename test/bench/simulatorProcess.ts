import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The simulator in a process of its own, without limits: what is counted here is our side alone. */
export async function startSimulatorProcess(): Promise<{ url: string; kill(): void }> {
	const main = fileURLToPath(new URL('../simulator/main.ts', import.meta.url));
	const simulator = spawn(process.execPath, [main, '--port', '0', '--no-limits'], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	const [line] = (await once(createInterface(simulator.stdout), 'line')) as [string];
	const { url } = JSON.parse(line) as { url: string };
	return { url, kill: () => void simulator.kill() };
}
