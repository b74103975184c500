import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { chromium, type Browser, type Locator, type Page } from 'playwright-core';

import type { Owner } from '../../tools/n8n-host/index.ts';

const WELL_KNOWN = [
	'/usr/bin/chromium',
	'/usr/bin/chromium-browser',
	'/usr/bin/google-chrome',
	'/snap/bin/chromium',
	'/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
	'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
	'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];
const LOOPBACK = new Set(['127.0.0.1', 'localhost']);
const LOOK_LIMIT_MS = 30_000;

/** n8n's editor in a browser that reaches this machine only. */
export interface Editor {
	readonly page: Page;
	/** Addresses elsewhere that the page asked for; they were refused. */
	readonly asked: ReadonlySet<string>;
	/** Exceptions that nobody caught in the page. */
	readonly exceptions: readonly string[];
	/** Bodies of the API answers that the page got. */
	readonly answers: readonly string[];
	close(): Promise<void>;
}

/** `CHROMIUM_PATH`, or where Chromium usually is. */
export function findChromium(): string {
	const { CHROMIUM_PATH } = process.env;
	const found = CHROMIUM_PATH ?? WELL_KNOWN.find((path) => existsSync(path));
	if (found === undefined || !existsSync(found)) {
		throw new Error(
			'No Chromium found. Install it (Debian: apt-get install chromium) or name its program in CHROMIUM_PATH. Without a browser, run with --short.',
		);
	}
	return found;
}

export async function openEditor(url: string): Promise<Editor> {
	const browser: Browser = await chromium.launch({
		executablePath: findChromium(),
		// The sandbox cannot be set up by root or in most containers, and every page here is our own.
		args: ['--no-sandbox'],
	});
	const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, baseURL: url });
	page.setDefaultTimeout(LOOK_LIMIT_MS);
	const asked = new Set<string>();
	const exceptions: string[] = [];
	const answers: string[] = [];
	await page.route(
		({ protocol, hostname }) => protocol.startsWith('http') && !LOOPBACK.has(hostname),
		async (route) => {
			asked.add(new URL(route.request().url()).host);
			await route.abort();
		},
	);
	page.on('pageerror', (error) => exceptions.push(error.message));
	page.on('response', (response) => {
		if (!new URL(response.url()).pathname.startsWith('/rest/')) return;
		response.text().then(
			(body) => answers.push(body),
			() => {}, // The page left before the body had come.
		);
	});
	return { page, asked, exceptions, answers, close: async () => await browser.close() };
}

export async function logIn(page: Page, { email, password }: Owner): Promise<void> {
	await page.goto('/signin');
	await page.locator('input').first().fill(email);
	await page.locator('input[type=password]').fill(password);
	await byTestId(page, 'form-submit-button').click();
	await page.waitForURL('**/home/**');
}

export async function openWorkflow(page: Page, id: string): Promise<void> {
	await page.goto(`/workflow/${id}`);
	await byTestId(page, 'canvas-node').first().waitFor();
	await byTestId(page, 'zoom-to-fit').click();
}

export function canvasNode(page: Page, name: string): Locator {
	return page.locator(`[data-test-id="canvas-node"][data-node-name="${name}"]`);
}

/** Opens the panel of a node and returns it. */
export async function openNode(page: Page, name: string): Promise<Locator> {
	await canvasNode(page, name).dblclick();
	const panel = byTestId(page, 'ndv');
	await panel.waitFor();
	return panel;
}

export async function closeNode(page: Page): Promise<void> {
	await byTestId(page, 'ndv-close-button').click();
	await byTestId(page, 'ndv').waitFor({ state: 'hidden' });
}

/** Presses the button and waits until `names` are all marked as succeeded. */
export async function runWorkflow(page: Page, names: readonly string[]): Promise<void> {
	await byTestId(page, 'execute-workflow-button').click();
	for (const name of names) {
		await byTestId(canvasNode(page, name), 'canvas-node-status-success').waitFor();
	}
}

export function byTestId(within: Page | Locator, id: string): Locator {
	return within.locator(`[data-test-id="${id}"]`);
}

/** A picture of the page, or of a part of it. */
export async function screenshot(page: Page, path: string, part?: Locator): Promise<void> {
	await mkdir(dirname(path), { recursive: true });
	await part?.waitFor();
	// Fades and toasts would make every picture another one.
	await page.waitForTimeout(800);
	await (part ?? page).screenshot({ path, animations: 'disabled' });
}
