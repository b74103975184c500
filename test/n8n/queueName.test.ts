import { InvalidInput } from '../../nodes/shared/api';
import { readQueueName } from '../../nodes/shared/n8n/queueName';

describe('readQueueName', () => {
	it.each<[unknown, string]>([
		['default', 'default'],
		['Night-2_b', 'Night-2_b'],
		['-', '-'],
		['7', '7'],
		[7, '7'],
		['x'.repeat(64), 'x'.repeat(64)],
	])('takes %j', (value, name) => {
		expect(readQueueName(value)).toBe(name);
	});

	it.each<[unknown, string]>([
		['', 'The name of the queue is empty'],
		[undefined, 'The name of the queue is empty'],
		[null, 'The name of the queue is empty'],
		['x'.repeat(65), `"${'x'.repeat(65)}" cannot be the name of a queue`],
		[' default', '" default" cannot be the name of a queue'],
		['a:b', '"a:b" cannot be the name of a queue'],
		['büro', '"büro" cannot be the name of a queue'],
		['a\n', '"a\n" cannot be the name of a queue'],
		[-1.5, '"-1.5" cannot be the name of a queue'],
		[true, 'The name of the queue is not a text'],
		[{ name: 'x' }, 'The name of the queue is not a text'],
		[['x'], 'The name of the queue is not a text'],
	])('refuses %j and names the parameter', (value, message) => {
		expect(() => readQueueName(value)).toThrow(InvalidInput);
		expect(() => readQueueName(value)).toThrow(
			expect.objectContaining({ parameter: 'Queue', message }),
		);
	});
});
