import { NodeOperationError, type ICredentialDataDecryptedObject, type INode } from 'n8n-workflow';
import type { ClientSettings } from '../resilience/client';
import type { RedisSettings } from '../stores/redis';

export type StateStore = 'auto' | 'embedded' | 'redis';

/** A credential that was read and found to make sense. */
export interface Connection {
	settings: ClientSettings;
	stateStore: StateStore;
	/** Of the store `redis`. */
	redis?: RedisSettings | undefined;
}

/** The plan's limit is per minute; the guard keeps it although requests arrive later than they were sent. */
const WINDOW_MS = 60_000;
const GUARD_MS = 1_000;

/** The labels of the credential's form, for the texts of errors. */
export const FIELD_LABELS = {
	apiKey: 'API Key',
	baseUrl: 'Base URL',
	requestsPerMinute: 'Requests per Minute',
	burst: 'Burst',
	maxConcurrent: 'Max Concurrent Requests',
	dailyBudget: 'Daily Budget',
	criticalReserve: 'Critical Reserve',
	creditBalance: 'Credit Balance',
	budgetTimezone: 'Budget Time Zone',
	stateStore: 'State Store',
	redisHost: 'Redis Host',
	redisPort: 'Redis Port',
	redisUsername: 'Redis Username',
	redisPassword: 'Redis Password',
	redisDatabase: 'Redis Database',
	redisTls: 'Redis TLS',
} as const;

type Field = keyof typeof FIELD_LABELS;

/**
 * Checks the credential before anything is sent.
 *
 * @throws NodeOperationError that names the field; never with the value of the key or of a URL
 */
export function readCredential(node: INode, data: ICredentialDataDecryptedObject): Connection {
	const refuse = (field: Field, complaint: string, advice: string): never => {
		throw new NodeOperationError(
			node,
			`'${FIELD_LABELS[field]}' of the TikLiveAPI credential ${complaint}`,
			{
				description: advice,
				failure: { cause: field === 'apiKey' ? 'credential-invalid' : 'configuration-invalid' },
			},
		);
	};

	const text = (field: Field): string => {
		const value = data[field];
		return value === undefined || value === null ? '' : String(value).trim();
	};

	const count = (field: Field, least: number): number => {
		const value = text(field);
		// Number('') is 0 and Number('0x10') is 16.
		if (/^\d+$/.test(value) && Number.isSafeInteger(Number(value)) && Number(value) >= least) {
			return Number(value);
		}
		return refuse(
			field,
			value === '' ? 'is empty' : `is '${value}'`,
			`Enter a whole number of at least ${least}.`,
		);
	};

	const optionalCount = (field: Field) => (text(field) === '' ? undefined : count(field, 0));

	const apiKey = text('apiKey');
	if (apiKey === '') {
		refuse('apiKey', 'is empty', 'Enter the key from your profile page on tikliveapi.com.');
	}
	if (!/^[\x21-\x7e]+$/.test(apiKey)) {
		refuse(
			'apiKey',
			'holds characters that no key has',
			'Copy it again from your profile page on tikliveapi.com, without spaces or line breaks.',
		);
	}

	const baseUrl = readBaseUrl(text('baseUrl'), (complaint, advice) =>
		refuse('baseUrl', complaint, advice),
	);

	const requestsPerMinute = count('requestsPerMinute', 1);
	const burst = count('burst', 1);
	if (burst > requestsPerMinute) {
		refuse(
			'burst',
			`is ${burst}, more than the ${requestsPerMinute} requests per minute`,
			`Lower it, or raise '${FIELD_LABELS.requestsPerMinute}' if your plan allows more.`,
		);
	}
	const maxConcurrent = count('maxConcurrent', 1);

	const dailyBudget = optionalCount('dailyBudget');
	const criticalReserve = count('criticalReserve', 0);
	if (dailyBudget !== undefined && criticalReserve > dailyBudget) {
		refuse(
			'criticalReserve',
			`is ${criticalReserve}, more than the daily budget of ${dailyBudget}`,
			`Nothing but critical requests could ever run. Lower it, or raise '${FIELD_LABELS.dailyBudget}'.`,
		);
	}
	const creditBalance = optionalCount('creditBalance');

	const timezone = text('budgetTimezone');
	if (!isTimezone(timezone)) {
		refuse(
			'budgetTimezone',
			timezone === '' ? 'is empty' : `is '${timezone}', which is no known time zone`,
			'Enter a name like UTC, Europe/Berlin or America/New_York.',
		);
	}

	const stateStore = text('stateStore');
	if (!isStateStore(stateStore)) {
		return refuse(
			'stateStore',
			`is '${stateStore}'`,
			'Choose Automatic, Embedded or Redis from the list.',
		);
	}

	const readRedis = (): RedisSettings => {
		const host = text('redisHost');
		if (!/^[^\s/@]+$/.test(host)) {
			refuse(
				'redisHost',
				host === '' ? 'is empty' : 'is no host name',
				'Enter the name or the address of the machine alone, without redis:// and port.',
			);
		}
		const port = count('redisPort', 1);
		if (port > 65_535) refuse('redisPort', `is ${port}`, 'Enter a port, at most 65535.');
		return {
			...{ host, port, username: text('redisUsername') },
			// A password may begin or end with a blank.
			password: String(data['redisPassword'] ?? ''),
			database: count('redisDatabase', 0),
			tls: data['redisTls'] === true ? {} : undefined,
		};
	};

	return {
		settings: {
			baseUrl,
			apiKey,
			limits: {
				requestsPerMinute,
				burst,
				maxConcurrent,
				windowMs: WINDOW_MS,
				guardMs: GUARD_MS,
			},
			budget: { dailyBudget, criticalReserve, creditBalance, timezone },
		},
		stateStore,
		redis: stateStore === 'redis' ? readRedis() : undefined,
	};
}

function readBaseUrl(text: string, refuse: (complaint: string, advice: string) => never): string {
	const url = URL.parse(text);
	if (url === null) {
		return refuse(
			text === '' ? 'is empty' : 'is no URL',
			'Enter https://api.tikliveapi.com, or the whole address of your gateway.',
		);
	}
	if (url.username !== '' || url.password !== '') {
		return refuse(
			'holds a username or password',
			'Remove the part before the @. The API key is sent in a header of its own.',
		);
	}
	if (url.search !== '' || url.hash !== '' || /[?#]/.test(text)) {
		return refuse(
			'holds a query or a fragment',
			'Remove everything from the first ? or # on; the nodes add what they need.',
		);
	}
	if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname))) {
		return refuse(
			'does not begin with https://',
			'Use https, so that the API key cannot be read on the way. http is only for a server on this machine.',
		);
	}
	return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** The URL parser has already brought 127.1 and the like into this form. */
function isLoopback(hostname: string): boolean {
	return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function isTimezone(name: string): boolean {
	try {
		return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
	} catch {
		return false;
	}
}

function isStateStore(value: string): value is StateStore {
	return value === 'auto' || value === 'embedded' || value === 'redis';
}
