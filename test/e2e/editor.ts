import assert from 'node:assert/strict';
import { join } from 'node:path';

import { EXAMPLE_CREDENTIAL, readExample, usernamesOf } from '../../tools/n8n-host/examples.ts';
import { startN8n } from '../../tools/n8n-host/index.ts';
import {
	byTestId,
	canvasNode,
	closeNode,
	logIn,
	openEditor,
	openNode,
	openWorkflow,
	runWorkflow,
	screenshot,
} from './browser.ts';
import { RIGHT_KEY, type Stage } from './stage.ts';

const NODES = ['User Info', 'Followers', 'Following', 'Posts'] as const;
const LIMIT = 5;

/** The editor in a real browser, used as a person would. Pictures of each step go to `pictures`. */
export async function checkEditor(stage: Stage, pictures: string): Promise<void> {
	const { checks, checkout, host, owner, simulator, userFolder } = stage;
	const server = await checks.step('n8n starts for the editor', async () =>
		startN8n(host, { userFolder }),
	);
	const editor = await checks.step('the browser starts', async () => openEditor(server.url));
	const { page } = editor;
	const picture = async (name: string): Promise<void> =>
		await screenshot(page, join(pictures, `${name}.png`));
	const workflow = await readExample(checkout, 'four-nodes');
	const users = usernamesOf(workflow).length;
	try {
		await checks.step('the owner logs in', async () => logIn(page, owner));
		await checks.step('the workflow opens', async () => openWorkflow(page, workflow.id));
		await checks.check('the canvas shows the four nodes, each with its icon', async () => {
			await picture('workflow');
			for (const name of NODES) {
				const icon = canvasNode(page, name).locator('img').first();
				await icon.waitFor();
				const width = await icon.evaluate(
					(image) => (image as unknown as { naturalWidth: number }).naturalWidth,
				);
				assert.ok(width > 0, `${name} has no icon`);
			}
		});
		await checks.check('the nodes are found by a search for TikLive', async () => {
			await byTestId(page, 'node-creator-plus-button').click();
			await byTestId(page, 'node-creator-search-bar').fill('tiklive');
			for (const name of NODES) {
				await byTestId(page, 'node-creator-item-name').getByText(`TikLiveAPI ${name}`).waitFor();
			}
			await picture('search');
			await page.keyboard.press('Escape');
		});
		await checks.check('the panel of Posts shows its parameters', async () => {
			const panel = await openNode(page, 'Posts');
			for (const label of ['Credential', 'User', 'Return All', 'Limit', 'Simplify', 'Options']) {
				await panel.getByText(label, { exact: false }).first().waitFor();
			}
			await picture('parameters');
			await closeNode(page);
		});
		await checks.step('the workflow runs by its button', async () => {
			await runWorkflow(page, NODES);
			await picture('ran');
		});
		for (const name of NODES) {
			await checks.check(`the panel of ${name} shows its output and the run hint`, async () => {
				const panel = await openNode(page, name);
				await picture(`output-${name.toLowerCase().replace(' ', '-')}`);
				const output = byTestId(panel, 'output-panel');
				const items = name === 'User Info' ? users : users * LIMIT;
				await output.getByText(`${items} items`, { exact: true }).first().waitFor();
				await byTestId(output, 'run-data-hints')
					.getByText(/credit/i)
					.waitFor();
				await closeNode(page);
			});
		}
		await checks.check('the credential form opens and tests the key, for one credit', async () => {
			const before = (await simulator.report()).ledger.billed;
			await page.goto(`/home/credentials/${EXAMPLE_CREDENTIAL.id}`);
			const form = byTestId(page, 'credential-edit-dialog');
			await byTestId(form, 'credentials-config-container-test-success').waitFor();
			await picture('credential');
			assert.equal((await simulator.report()).ledger.billed - before, 1);
		});
		await checks.check('no key in what the page is sent', () => {
			assert.ok(editor.answers.length > 0);
			assert.ok(editor.answers.every((body) => !body.includes(RIGHT_KEY)));
		});
		await checks.check('the page throws no exception', () => {
			assert.deepEqual(editor.exceptions, []);
		});
		await checks.check('the page asks nobody outside this machine', () => {
			assert.deepEqual([...editor.asked], []);
		});
	} catch (error) {
		await picture('failed');
		throw error;
	} finally {
		await editor.close();
		await server.stop();
	}
}
