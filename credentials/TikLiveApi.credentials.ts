import type {
	IAuthenticateGeneric,
	ICredentialTestRequest,
	ICredentialType,
	INodeProperties,
} from 'n8n-workflow';

export class TikLiveApi implements ICredentialType {
	name = 'tikLiveApi';

	displayName = 'TikLiveAPI';

	icon = { light: 'file:../icons/tiklive.svg', dark: 'file:../icons/tiklive.dark.svg' } as const;

	documentationUrl = 'https://github.com/Tikliveapi/n8n-nodes-tikliveapi#credential';

	properties: INodeProperties[] = [
		{
			displayName:
				'n8n tests the key when this form is saved or opened, with one real request, because TikLiveAPI has no free one. A test that passes costs one credit.',
			name: 'testNotice',
			type: 'notice',
			default: '',
		},
		{
			displayName: 'API Key',
			name: 'apiKey',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description: 'From your profile page on tikliveapi.com',
		},
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'https://api.tikliveapi.com',
			required: true,
			description:
				'Where the API is. Only https is accepted, or http for a server on this machine. Change it only for a gateway or a test server.',
		},
		{
			displayName: 'Requests per Minute',
			name: 'requestsPerMinute',
			type: 'number',
			typeOptions: { minValue: 1, numberPrecision: 0 },
			default: 200,
			description:
				'The limit of your plan. All nodes and executions that use this key stay under it together, retries included, in any 60 seconds.',
		},
		{
			displayName: 'Burst',
			name: 'burst',
			type: 'number',
			typeOptions: { minValue: 1, numberPrecision: 0 },
			default: 10,
			description:
				'How many requests may go at once after a quiet time, before they are spread evenly. At most as many as requests per minute.',
		},
		{
			displayName: 'Max Concurrent Requests',
			name: 'maxConcurrent',
			type: 'number',
			typeOptions: { minValue: 1, numberPrecision: 0 },
			default: 20,
			description: 'How many requests may wait for an answer at one time, over all nodes',
		},
		{
			// A string, since n8n puts the default back into a number field that was emptied.
			displayName: 'Daily Budget',
			name: 'dailyBudget',
			type: 'string',
			default: '5000',
			placeholder: 'e.g. 5000',
			description:
				'Credits that may be spent per day. Requests beyond it are not made. Leave empty for no daily limit; 0 allows nothing.',
		},
		{
			displayName: 'Critical Reserve',
			name: 'criticalReserve',
			type: 'number',
			typeOptions: { minValue: 0, numberPrecision: 0 },
			default: 1000,
			description:
				'The last credits of the day and of the balance that are kept for nodes whose priority is critical. 0 keeps nothing back.',
		},
		{
			displayName: 'Credit Balance',
			name: 'creditBalance',
			type: 'string',
			default: '',
			placeholder: 'e.g. 100000',
			description:
				'Credits on your account today, as your profile page on tikliveapi.com shows them. The nodes count down from here and stop at zero. Enter the new value after each top-up. Leave empty if unknown.',
		},
		{
			displayName: 'Budget Time Zone',
			name: 'budgetTimezone',
			type: 'string',
			default: 'UTC',
			placeholder: 'e.g. Europe/Berlin',
			description: 'The daily budget starts again at midnight of this time zone',
		},
		{
			displayName: 'State Store',
			name: 'stateStore',
			type: 'options',
			options: [
				{
					name: 'Automatic',
					value: 'auto',
					description:
						"Redis when n8n runs in queue mode, with n8n's own Redis settings; otherwise embedded",
				},
				{
					name: 'Embedded',
					value: 'embedded',
					description: "A file in n8n's own folder, for n8n on one machine",
				},
				{
					name: 'Redis',
					value: 'redis',
					description: 'For several n8n processes on different machines',
				},
			],
			default: 'auto',
			description:
				'Where limits, spent credits and stored answers are kept. All processes that use this key have to share one store.',
		},
		{
			displayName: 'Redis Host',
			name: 'redisHost',
			type: 'string',
			default: 'localhost',
			displayOptions: { show: { stateStore: ['redis'] } },
		},
		{
			displayName: 'Redis Port',
			name: 'redisPort',
			type: 'number',
			typeOptions: { minValue: 1, numberPrecision: 0 },
			default: 6379,
			displayOptions: { show: { stateStore: ['redis'] } },
		},
		{
			displayName: 'Redis Username',
			name: 'redisUsername',
			type: 'string',
			default: '',
			description: 'Leave empty if your Redis has no users',
			displayOptions: { show: { stateStore: ['redis'] } },
		},
		{
			displayName: 'Redis Password',
			name: 'redisPassword',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			description: 'Leave empty if your Redis has no password',
			displayOptions: { show: { stateStore: ['redis'] } },
		},
		{
			displayName: 'Redis Database',
			name: 'redisDatabase',
			type: 'number',
			typeOptions: { minValue: 0, numberPrecision: 0 },
			default: 0,
			description: 'Number of the database',
			displayOptions: { show: { stateStore: ['redis'] } },
		},
		{
			displayName: 'Redis TLS',
			name: 'redisTls',
			type: 'boolean',
			default: false,
			description: 'Whether to connect over TLS',
			displayOptions: { show: { stateStore: ['redis'] } },
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: {
			headers: {
				'X-Api-Key': '={{ $credentials.apiKey }}',
			},
		},
	};

	/**
	 * TikLiveAPI answers 200 to a wrong key and to an empty account, so the status proves nothing.
	 * n8n fails the test at the first rule whose value equals the body's; the last one, "no `id`",
	 * catches every refusal whose text is not known.
	 */
	test: ICredentialTestRequest = {
		request: {
			baseURL: '={{ $credentials.baseUrl.trim().replace(/\\/+$/, "") }}',
			url: '/userid/',
			qs: { username: 'tiktok' },
		},
		rules: [
			{
				type: 'responseSuccessBody',
				properties: {
					key: 'message',
					value: 'Api-Key is not available',
					message: 'TikLiveAPI does not know this API key. Copy it again from your profile page.',
				},
			},
			{
				type: 'responseSuccessBody',
				properties: {
					key: 'message',
					value: 'Please sign up to tikliveapi.com',
					message: 'TikLiveAPI got no API key. Enter the one from your profile page.',
				},
			},
			{
				type: 'responseSuccessBody',
				properties: {
					key: 'id',
					value: undefined,
					message:
						'TikLiveAPI answered, but not with the data that was asked for. Most often the account has no credits left, or the base URL is not the API.',
				},
			},
		],
	};
}
