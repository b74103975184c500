/** Answers that say the same in another form, as back ends of this family and PHP write them. */
export type Dialect = 'wrapped' | 'php-lists' | 'php-warning';

const WARNING =
	'<br />\n<b>Warning</b>:  Undefined array key "region" in <b>/var/www/api/user.php</b> on line <b>214</b><br />\n';

const DIALECTS: Readonly<Record<Dialect, (body: string) => string>> = {
	wrapped: (body) => `{"code":0,"msg":"success","processed_time":0.2134,"data":${body}}`,
	'php-lists': (body) =>
		JSON.stringify(JSON.parse(body), (_key, value: unknown) =>
			isListOfObjects(value) ? withGaps(value) : value,
		),
	'php-warning': (body) => WARNING + body,
};

export function inDialect(dialect: Dialect, body: string): string {
	return DIALECTS[dialect](body);
}

/** Every id of 16 digits or more as PHP writes an integer that it took for a float. */
export function floatIds(body: string): string {
	return body.replace(/"(id|video_id)":"(\d{16,})"/g, (_, name: string, id: string) => {
		return `"${name}":${Number(id).toExponential(16)}`;
	});
}

function isListOfObjects(value: unknown): value is object[] {
	return Array.isArray(value) && value.length > 0 && typeof value[0] === 'object';
}

/** What json_encode makes of an array from which some elements were taken out. */
function withGaps(list: object[]): Record<string, object> {
	return Object.fromEntries(list.map((item, index) => [2 * index + 1, item]));
}
