import type { IDataObject, IExecuteFunctions, INodeExecutionData } from 'n8n-workflow';
import { InvalidInput } from '../api';
import type { ClientSettings } from '../resilience/client';
import { toNodeError } from './errors';
import { failedItem } from './failedItem';
import { prometheusText } from './prometheus';
import { reportPage } from './report';
import { hostOf, processRuntimes, type Runtime } from './runtime';
import { readCredential } from './settings';
import { breakerStatus, DAY_MINUTES, standingOf, statusOf, type Status } from './status';
import { isNewLevel } from './statusBudget';
import { systemClock } from './systemClock';

type Operation = (
	context: IExecuteFunctions,
	runtime: Runtime,
	settings: ClientSettings,
) => Promise<INodeExecutionData[]>;

const OPERATIONS: Readonly<Record<string, Operation>> = {
	get: getStatus,
	metrics: getMetrics,
	report: getReport,
	resetBreaker,
};

/** Tells about one API key, once for all input items. Asks nothing of TikLiveAPI, so it costs no credit. */
export async function executeStatus(context: IExecuteFunctions): Promise<INodeExecutionData[][]> {
	const inputs = context.getInputData().length;
	// With Retry On Fail, n8n runs the node again although the execution was cancelled.
	if (inputs === 0 || context.getExecutionCancelSignal()?.aborted) return [[]];
	const node = context.getNode();
	const pairedItem = Array.from({ length: inputs }, (_, item) => ({ item }));
	let apiKey = '';
	try {
		const connection = readCredential(node, await context.getCredentials('tikLiveApi'));
		({ apiKey } = connection.settings);
		const items = await processRuntimes().use(connection, hostOf(context), async (runtime) => {
			const operation = OPERATIONS[context.getNodeParameter('operation', 0) as string];
			return (await operation?.(context, runtime, connection.settings)) ?? [];
		});
		return [items.map((item) => ({ ...item, pairedItem }))];
	} catch (problem) {
		if (!context.continueOnFail()) throw toNodeError(problem, { node, itemIndex: 0, apiKey });
		return [[failedItem(context, problem, { apiKey }, pairedItem)]];
	}
}

async function getStatus(context: IExecuteFunctions, runtime: Runtime, settings: ClientSettings) {
	const { status } = await readStatus(runtime, settings);
	const options = context.getNodeParameter('options', 0, {}) as IDataObject;
	// A person who tries the workflow out wants to see it work, and must not use up the warning.
	if (options['onlyWhenBudgetLevelChanges'] === true && context.getMode() !== 'manual') {
		const { day, level } = status.budget;
		const asker = `${context.getWorkflow().id ?? ''} ${context.getNode().id}`;
		if (!(await isNewLevel(runtime.stores.cells, asker, day, level))) return [];
	}
	return [{ json: { ...status } as IDataObject }];
}

async function getMetrics() {
	const text = await prometheusText();
	if (text !== undefined) return [{ json: { metrics: text } }];
	throw new InvalidInput(
		'Operation',
		'This n8n has no prom-client, so nothing counts for Prometheus',
		"Use 'Get' or 'Report', which do without it.",
	);
}

async function getReport(context: IExecuteFunctions, runtime: Runtime, settings: ClientSettings) {
	const { status, minutes } = await readStatus(runtime, settings);
	const html = reportPage(status, minutes, context.getTimezone());
	const fileName = `tiklive-report-${status.checkedAt.slice(0, 16).replace(':', '')}.html`;
	const field = context.getNodeParameter('binaryPropertyName', 0) as string;
	const file = await context.helpers.prepareBinaryData(Buffer.from(html), fileName, 'text/html');
	return [{ json: { html, fileName }, binary: { [field]: file } }];
}

async function resetBreaker(
	_context: IExecuteFunctions,
	{ client }: Runtime,
	_settings: ClientSettings,
) {
	const { breaker: before } = await client.status();
	await client.resetBreaker();
	const { breaker } = await client.status();
	const now = breakerStatus(breaker, systemClock.wallMs());
	return [{ json: { previousState: before.state, breaker: { ...now } } }];
}

async function readStatus(runtime: Runtime, settings: ClientSettings) {
	const minutes = await runtime.statistics.recent(DAY_MINUTES);
	const standing = await standingOf(runtime);
	const nowMs = systemClock.wallMs();
	const status: Status = statusOf(standing, minutes, settings, runtime.stores.kind, nowMs);
	return { status, minutes };
}
