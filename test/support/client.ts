import { createClient } from '../../nodes/shared/resilience/request';
import type { ClientSettings } from '../../nodes/shared/resilience/client';
import { noMetrics, type Metrics } from '../../nodes/shared/resilience/metrics';
import {
	TransportError,
	type Clock,
	type Stores,
	type Transport,
	type TransportRequest,
	type TransportResponse,
} from '../../nodes/shared/resilience/ports';
import { openEmbeddedStores } from '../../nodes/shared/stores/embedded';
import { seededRandom } from './clock';

/** A key that must appear nowhere but in the request header. */
export const CANARY_KEY = 'canary-5f1d2c-key';

export const SETTINGS: ClientSettings = {
	baseUrl: 'https://api.tikliveapi.com',
	apiKey: CANARY_KEY,
	limits: {
		requestsPerMinute: 200,
		burst: 10,
		maxConcurrent: 20,
		windowMs: 60_000,
		guardMs: 1_000,
	},
	budget: { dailyBudget: 5_000, criticalReserve: 1_000, creditBalance: undefined, timezone: 'UTC' },
};

export type Answer =
	| { status?: number; headers?: Record<string, string>; body: unknown; afterMs?: number }
	| TransportError;

/** What the API would say; `body` is sent as JSON unless it is a text. */
export type Script = (request: TransportRequest, index: number) => Answer;

export interface SentRequest extends TransportRequest {
	atMs: number;
}

export const PROFILE = (id = '6943972350728700930', uniqueId = 'creator000017') => ({
	user: { id, uniqueId, nickname: 'Creator' },
	stats: { followerCount: 7 },
});

export const reset = (sent = true) =>
	new TransportError('network', 'The connection was reset', sent, 'ECONNRESET');

/** A client over real embedded stores in memory and a scripted API. */
export function scriptedClient(
	clock: Clock,
	script: Script,
	over: {
		settings?: Partial<ClientSettings>;
		stores?: Stores;
		metrics?: Metrics;
		keyId?: string;
	} = {},
) {
	const sent: SentRequest[] = [];
	const said: string[] = [];
	const warn = (text: string) => void said.push(text);
	const keyId = over.keyId ?? 'key1';
	const transport: Transport = async (request) => {
		const answer = script(request, sent.length);
		sent.push({ ...request, atMs: clock.monotonicMs() });
		if (answer instanceof TransportError) throw answer;
		if (answer.afterMs !== undefined) await clock.sleep(answer.afterMs);
		const body = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body);
		return { status: 200, headers: {}, ...answer, body } satisfies TransportResponse;
	};
	const stores = over.stores ?? openEmbeddedStores({ folder: undefined, keyId, clock, warn });
	const client = createClient({
		settings: { ...SETTINGS, ...over.settings },
		keyId,
		stores,
		transport,
		clock,
		random: seededRandom(7),
		metrics: over.metrics ?? noMetrics,
		warn,
	});
	return { client, sent, said, stores };
}
