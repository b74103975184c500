/**
 * `node test/e2e/pictures.ts`: takes the pictures of the README, docs/images/*.png, in a real n8n
 * with the built package and the simulator.
 */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Locator } from 'playwright-core';

import { EXAMPLE_CREDENTIAL, readExample } from '../../tools/n8n-host/examples.ts';
import {
	endAllChildren,
	ensureN8n,
	installPackage,
	N8nCli,
	N8nRest,
	newOwner,
	packPackage,
	startN8n,
	startSimulator,
} from '../../tools/n8n-host/index.ts';
import {
	byTestId,
	logIn,
	openEditor,
	openNode,
	openWorkflow,
	runWorkflow,
	screenshot,
	type Editor,
} from './browser.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const IMAGES = join(CHECKOUT, 'docs', 'images');
const KEY = 'picture-key';
const MAX_BYTES = 150_000;

/** Rows of a sheet, of which one names nobody: the failed one goes to a branch of its own, with the fields of its row. */
function sheetWorkflow() {
	const node = (name: string, type: string, x: number, y: number, more: object = {}) => ({
		...{
			id: name.toLowerCase().replaceAll(' ', '-'),
			name,
			type,
			position: [x, y],
			parameters: {},
		},
		...{ typeVersion: 1, ...more },
	});
	const rows = ['tiktok', 'ghost77', 'pinned_first'].map((username, index) => ({
		json: { row_number: index + 2, username },
	}));
	const to = (name: string) => [{ node: name, type: 'main', index: 0 }];
	const { id, name } = { ...EXAMPLE_CREDENTIAL, name: 'TikLiveAPI' };
	return {
		...{ id: 'sheet', name: 'Rows of a sheet', active: false, settings: {}, versionId: 'sheet-1' },
		nodes: [
			node('Rows', 'n8n-nodes-base.manualTrigger', 0, 0),
			node('User Info', 'n8n-nodes-tikliveapi.tikLiveUserInfo', 220, 0, {
				parameters: { user: { __rl: true, mode: 'username', value: '={{ $json.username }}' } },
				credentials: { tikLiveApi: { id, name } },
				onError: 'continueErrorOutput',
			}),
			node('Found', 'n8n-nodes-base.noOp', 480, -90),
			node('Write Back', 'n8n-nodes-base.noOp', 480, 90),
		],
		connections: {
			Rows: { main: [to('User Info')] },
			'User Info': { main: [to('Found'), to('Write Back')] },
		},
		pinData: { Rows: rows },
	};
}

async function takeAll(editor: Editor, workflowId: string): Promise<void> {
	const { page } = editor;
	await openWorkflow(page, workflowId);
	await runWorkflow(page, ['User Info', 'Followers', 'Following', 'Posts']);
	await page.locator('.el-notification__closeBtn').click();
	await byTestId(page, 'zoom-to-fit').click();
	await byTestId(page, 'zoom-out-button').click();
	await take(editor, 'workflow');

	const panel = await openNode(page, 'Posts');
	await byTestId(panel, 'output-panel').getByText('15 items', { exact: true }).first().waitFor();
	await take(editor, 'node');

	// A new credential, so that the form shows the defaults; it is never saved, hence never tested.
	await byTestId(panel, 'node-credentials-select').click();
	await byTestId(page, 'node-credentials-select-item-new').click();
	await page.setViewportSize({ width: 1280, height: 1000 });
	await take(editor, 'credential', byTestId(page, 'editCredential-modal'));
}

async function takeErrorOutput(editor: Editor): Promise<void> {
	const { page } = editor;
	await openWorkflow(page, 'sheet');
	await runWorkflow(page, ['User Info', 'Write Back']);
	await page.locator('.el-notification__closeBtn').click();
	const panel = await openNode(page, 'Write Back');
	await byTestId(panel, 'output-panel').getByText('1 item', { exact: true }).first().waitFor();
	await take(editor, 'error-output');
}

async function take({ page }: Editor, name: string, part?: Locator): Promise<void> {
	const path = join(IMAGES, `${name}.png`);
	await screenshot(page, path, part);
	const { size } = await stat(path);
	if (size > MAX_BYTES) throw new Error(`${path} has ${size} bytes, more than ${MAX_BYTES}`);
	console.log(`docs/images/${name}.png  ${Math.round(size / 1000)} kB`);
}

const folder = await mkdtemp(join(tmpdir(), 'tiklive-pictures-'));
try {
	const host = await ensureN8n({ log: console.log });
	const simulator = await startSimulator(CHECKOUT, KEY);
	const userFolder = join(folder, 'user');
	await mkdir(userFolder);
	await installPackage(userFolder, await packPackage(CHECKOUT, folder));
	const cli = new N8nCli(host, userFolder);
	const data = { apiKey: KEY, baseUrl: simulator.url };
	// Another name than the new credential gets in its picture.
	await cli.importCredentials([{ ...EXAMPLE_CREDENTIAL, name: 'TikLiveAPI', data }]);
	const workflow = await readExample(CHECKOUT, 'four-nodes');
	await cli.importWorkflows([workflow, sheetWorkflow()]);
	const server = await startN8n(host, { userFolder });
	const owner = newOwner();
	await new N8nRest(host, server.url).setupOwner(owner);
	const editor = await openEditor(server.url);
	try {
		await logIn(editor.page, owner);
		await takeErrorOutput(editor);
		await takeAll(editor, workflow.id);
	} finally {
		await editor.close();
	}
} finally {
	await endAllChildren();
	await rm(folder, { recursive: true, force: true, maxRetries: 3 });
}
