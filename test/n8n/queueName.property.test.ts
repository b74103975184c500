import fc from 'fast-check';
import { InvalidInput } from '../../nodes/shared/api';
import { readQueueName } from '../../nodes/shared/n8n/queueName';
import { runs } from '../support/property';

it('a queue has a name that is harmless in keys, labels and texts, or is refused', () => {
	const values = fc.oneof(
		fc.string({ maxLength: 70 }),
		fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '_', ' ', '\n'), maxLength: 66 }),
		fc.anything({ withNullPrototype: true }),
	);
	fc.assert(
		fc.property(values, (value) => {
			try {
				expect(readQueueName(value)).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
			} catch (error) {
				expect(error).toBeInstanceOf(InvalidInput);
			}
		}),
		runs(100),
	);
});
