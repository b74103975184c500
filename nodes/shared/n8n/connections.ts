import type {
	ICredentialDataDecryptedObject,
	IExecuteFunctions,
	IWorkflowExecuteAdditionalData,
} from 'n8n-workflow';
import { readCredential, type Connection } from './settings';

const CREDENTIAL = 'tikLiveApi';

/** What an expression may name and still give the same for every item. */
const SAME_FOR_ALL = /\$(?:secrets|vars|env|workflow|execution)\b/g;

/** The credential of one item, or why it cannot be used. */
export type ItemConnection = { connection: Connection } | { problem: unknown };

/**
 * The credential of each input item. n8n resolves expressions in a credential item by item (API Key = `{{ $json.key }}`),
 * and reads it from its database each time; so it is read once where all items get the same.
 *
 * @throws NodeOperationError where one credential for all items cannot be used
 */
export async function readConnections(context: IExecuteFunctions): Promise<ItemConnection[]> {
	const items = context.getInputData();
	if (items.length === 0) return [];
	const first = await context.getCredentials(CREDENTIAL, 0);
	if (await isSameForAll(context, first, items.length)) {
		const connection = readCredential(context.getNode(), first);
		return items.map(() => ({ connection }));
	}
	const known = new Map<string, ItemConnection>();
	const connections: ItemConnection[] = [];
	for (const itemIndex of items.keys()) {
		if (context.getExecutionCancelSignal()?.aborted) break;
		connections.push(await readItem(context, itemIndex, known));
	}
	return connections;
}

async function readItem(
	context: IExecuteFunctions,
	itemIndex: number,
	known: Map<string, ItemConnection>,
): Promise<ItemConnection> {
	try {
		const data = await context.getCredentials(CREDENTIAL, itemIndex);
		const name = JSON.stringify(data);
		const connection = known.get(name) ?? toConnection(context, data);
		known.set(name, connection);
		return connection;
	} catch (problem) {
		return { problem };
	}
}

function toConnection(
	context: IExecuteFunctions,
	data: ICredentialDataDecryptedObject,
): ItemConnection {
	try {
		return { connection: readCredential(context.getNode(), data) };
	} catch (problem) {
		return { problem };
	}
}

/**
 * Whether a credential holds an expression shows only before n8n has resolved it. The last item is looked at as well:
 * n8n's overwrites of credentials come after the form, and may hold expressions too.
 */
async function isSameForAll(
	context: IExecuteFunctions,
	first: ICredentialDataDecryptedObject,
	count: number,
): Promise<boolean> {
	if (count === 1) return true;
	const raw = await rawCredential(context);
	if (raw === undefined || Object.values(raw).some(dependsOnItem)) return false;
	const last = await context.getCredentials(CREDENTIAL, count - 1).catch(() => undefined);
	return JSON.stringify(last) === JSON.stringify(first);
}

function dependsOnItem(value: unknown): boolean {
	if (typeof value !== 'string' || !value.startsWith('=')) return false;
	return value.replace(SAME_FOR_ALL, '').includes('$');
}

/** As it was entered; undefined where this n8n does not hand it out. */
async function rawCredential(
	context: IExecuteFunctions,
): Promise<ICredentialDataDecryptedObject | undefined> {
	const { additionalData } = context as { additionalData?: IWorkflowExecuteAdditionalData };
	const details = context.getNode().credentials?.[CREDENTIAL];
	if (!additionalData?.credentialsHelper || !details) return undefined;
	try {
		return await additionalData.credentialsHelper.getDecrypted(
			...([additionalData, details, CREDENTIAL, context.getMode()] as const),
			undefined,
			true,
		);
	} catch {
		return undefined;
	}
}
