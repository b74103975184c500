// @ts-check
const path = require('node:path');

/**
 * What the package offers, as data, in the way of Airflow's get_provider_info: for catalogues and for people
 * who look before they install. Read from the code itself, so that it cannot tell anything else.
 *
 * @param {any} manifest package.json
 * @param {(module: string) => any} load a module of the package, by its path without extension, for example
 *   `nodes/shared/api/index`
 */
function providerInfo(manifest, load) {
	/** @param {string} file */
	const open = (file) => {
		const module = file.replace(/^dist\//, '').replace(/\.js$/, '');
		const name = path.posix.basename(module).replace(/\..*$/, '');
		return new (load(module)[name])();
	};
	const { ENDPOINTS } = load('nodes/shared/api/index');
	const { METRICS } = load('nodes/shared/n8n/prometheus');
	const { FAILURE_THRESHOLD, OPEN_MS, MAX_OPEN_MS } = load('nodes/shared/resilience/breaker');
	/** @type {any[]} */
	const credentials = manifest.n8n.credentials.map(open);
	/** @type {any[]} */
	const nodes = manifest.n8n.nodes.map((/** @type {string} */ file) => open(file).description);

	return {
		packageName: manifest.name,
		version: manifest.version,
		description: manifest.description,
		credentials: credentials.map(({ name, displayName, properties, test }) => ({
			name,
			displayName,
			tested: test !== undefined,
			fields: properties.filter(isField).map(fieldInfo),
		})),
		nodes: nodes.map((description) => ({
			name: `${manifest.name}.${description.name}`,
			displayName: description.displayName,
			description: description.description,
			version: description.version,
			kind: description.group.includes('trigger') ? 'trigger' : 'action',
			polling: description.polling === true,
			usableAsTool: description.usableAsTool === true,
			events: eventsOf(description.properties),
			operations: operationsOf(description.properties),
			parameters: [...new Set(description.properties.filter(isField).map(nameOf))],
			options: [
				...new Set(
					description.properties
						.filter((/** @type {any} */ { type }) => type === 'collection')
						.flatMap((/** @type {any} */ { options }) => options)
						.filter((/** @type {any} */ { type }) => type !== 'hidden')
						.map(nameOf),
				),
			],
		})),
		endpoints: Object.entries(ENDPOINTS).map(([name, endpoint]) => ({
			name,
			path: endpoint.path,
			parameters: endpoint.parameters.map(nameOf),
			paging: endpoint.list?.paging ?? null,
			pageSize: endpoint.list?.maxPageSize ?? null,
			creditsPerRequest: 1,
			cachedSeconds: endpoint.defaultMaxAgeMs / 1000,
		})),
		limits: {
			...limitDefaults(credentials[0].properties),
			breakerFailures: FAILURE_THRESHOLD,
			breakerOpenSeconds: OPEN_MS / 1000,
			breakerMaxOpenSeconds: MAX_OPEN_MS / 1000,
		},
		metrics: Object.entries(METRICS).map(([name, { type, help, labels }]) => ({
			name,
			type,
			help,
			labels,
		})),
	};
}

const nameOf = (/** @type {{ name: string }} */ { name }) => name;
const isField = (/** @type {any} */ { type }) => type !== 'notice' && type !== 'callout';

/** @param {any} property */
function fieldInfo({ name, displayName, type, default: initial, typeOptions }) {
	return { name, displayName, type, default: initial, secret: typeOptions?.password === true };
}

/**
 * @param {any[]} properties
 * @returns {{ resource: string | null, operation: string, action: string }[]}
 */
function operationsOf(properties) {
	return properties
		.filter(({ name }) => name === 'operation')
		.flatMap(({ options, displayOptions }) =>
			(displayOptions?.show?.resource ?? [null]).flatMap((/** @type {string | null} */ resource) =>
				options.map((/** @type {any} */ { value, action }) => ({
					resource,
					operation: value,
					action,
				})),
			),
		);
}

/**
 * What a polling trigger can watch for.
 *
 * @param {any[]} properties
 * @returns {string[]}
 */
function eventsOf(properties) {
	const event = properties.find(({ name }) => name === 'event');
	return (event?.options ?? []).map((/** @type {{ value: string }} */ { value }) => value);
}

/** @param {any[]} properties of the credential, whose defaults are the limits of the usual plan */
function limitDefaults(properties) {
	const names = ['requestsPerMinute', 'burst', 'maxConcurrent', 'dailyBudget', 'criticalReserve'];
	const values = names.map((name) => [
		name,
		Number(properties.find((property) => property.name === name).default),
	]);
	return Object.fromEntries(values);
}

module.exports = { providerInfo };
