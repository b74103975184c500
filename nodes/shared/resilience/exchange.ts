import {
	buildUrl,
	classify,
	derivedAnswers,
	ENDPOINTS,
	type EndpointName,
	type Failure,
} from '../api';
import { cacheKey, type Params } from './cache';
import type { ClientSettings } from './client';
import { FAILURE_TRAITS, fromTransportError } from './failureTraits';
import type { Metrics } from './metrics';
import {
	TransportError,
	type Clock,
	type Settlement,
	type StoredResponse,
	type Transport,
	type TransportResponse,
	type Warn,
} from './ports';

/** Shorter than any real key; replacing it could hit other text. */
const SHORTEST_KEY = 8;

/** What came of one request. A usable answer is first in `stored`; what it tells beside its question follows. */
export interface Sent {
	failure?: Failure;
	billed: Settlement;
	stored: StoredResponse[];
}

/** One request over the transport: sent, timed, read by status and body, and made ready to be stored. */
export class Exchange {
	readonly #noted = new Set<string>();

	constructor(
		private readonly transport: Transport,
		private readonly clock: Clock,
		private readonly metrics: Metrics,
		private readonly keyId: string,
		private readonly warn: Warn,
	) {}

	async send(
		{ baseUrl, apiKey }: ClientSettings,
		endpoint: EndpointName,
		params: Params,
		timeoutMs: number,
	): Promise<Sent> {
		const sentAtMs = this.clock.monotonicMs();
		this.metrics.inFlight(1);
		try {
			const response = await this.transport({
				url: buildUrl(baseUrl, endpoint, params),
				headers: { 'x-api-key': apiKey, accept: 'application/json' },
				timeoutMs,
			}).catch(transportErrorOnly);
			const sent =
				response instanceof TransportError
					? { ...fromTransportError(response, timeoutMs), stored: [] }
					: this.#read(withoutKey(response, apiKey), baseUrl, endpoint, params);
			const outcome = sent.failure ? FAILURE_TRAITS[sent.failure.kind].outcome : 'success';
			this.metrics.request(endpoint, outcome, (this.clock.monotonicMs() - sentAtMs) / 1000);
			return sent;
		} finally {
			this.metrics.inFlight(-1);
		}
	}

	#read(
		response: TransportResponse,
		baseUrl: string,
		endpoint: EndpointName,
		params: Params,
	): Sent {
		const read = classify(endpoint, response, this.clock.wallMs());
		const own = { endpoint, params };
		if (!read.ok) {
			const { failure, billed } = read;
			const missing = failure.kind === 'not-found';
			const stored = missing ? [this.#row(baseUrl, own, 'not-found', failure.detail)] : [];
			return { failure, billed, stored };
		}
		if (read.note !== undefined) this.#noteOnce(read.note);
		const answers = [
			{ ...own, body: read.text ?? response.body },
			...derivedAnswers(endpoint, params, read.body),
		];
		return {
			billed: 'spent',
			stored: answers.map((answer) => this.#row(baseUrl, answer, 'found', answer.body)),
		};
	}

	#noteOnce(note: string): void {
		if (this.#noted.has(note)) return;
		this.#noted.add(note);
		this.warn(note);
	}

	#row(
		baseUrl: string,
		{ endpoint, params }: { endpoint: EndpointName; params: Params },
		kind: StoredResponse['kind'],
		body: string,
	): StoredResponse {
		const { keepMs, notFoundMs } = ENDPOINTS[endpoint];
		const fetchedAtMs = this.clock.wallMs();
		return {
			key: cacheKey(baseUrl, this.keyId, endpoint, params),
			endpoint,
			kind,
			body,
			fetchedAtMs,
			keepUntilMs: fetchedAtMs + (kind === 'found' ? keepMs : notFoundMs),
		};
	}
}

/** Whatever the API quotes goes into the store, into output and into errors; the key must not. */
function withoutKey(response: TransportResponse, apiKey: string): TransportResponse {
	if (apiKey.length < SHORTEST_KEY || !response.body.includes(apiKey)) return response;
	return { ...response, body: response.body.replaceAll(apiKey, '***') };
}

/** Anything else is a bug and must not look like a failure of the network. */
async function transportErrorOnly(error: unknown): Promise<TransportError> {
	return error instanceof TransportError ? error : await Promise.reject(error as Error);
}
