import { generateKeyPairSync, sign } from 'node:crypto';

/**
 * A key and a certificate that it signed itself, made anew for each run of the tests.
 *
 * @param until its last second, as YYYYMMDDhhmmssZ
 */
export function selfSigned(
	hostName: string,
	until = '20991231235959Z',
): { key: string; cert: string } {
	const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
	const algorithm = sequence(oid('2a8648ce3d040302'));
	const name = sequence(set(sequence(oid('550403'), der(0x0c, Buffer.from(hostName)))));
	const alternativeNames = der(0x04, sequence(der(0x82, Buffer.from(hostName))));
	const body = sequence(
		der(0xa0, integer(2)),
		integer(1),
		algorithm,
		name,
		sequence(time('20200101000000Z'), time(until)),
		name,
		publicKey.export({ type: 'spki', format: 'der' }),
		der(0xa3, sequence(sequence(oid('551d11'), alternativeNames))),
	);
	const signature = sign('sha256', body, privateKey);
	const certificate = sequence(
		body,
		algorithm,
		der(0x03, Buffer.concat([Buffer.of(0), signature])),
	);
	return {
		key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
		cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
	};
}

function der(tag: number, content: Buffer): Buffer {
	const size = content.length;
	const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 255];
	return Buffer.concat([Buffer.of(tag, ...length), content]);
}

const sequence = (...parts: Buffer[]) => der(0x30, Buffer.concat(parts));
const set = (...parts: Buffer[]) => der(0x31, Buffer.concat(parts));
const integer = (value: number) => der(0x02, Buffer.of(value));
const oid = (hex: string) => der(0x06, Buffer.from(hex, 'hex'));
const time = (text: string) => der(0x18, Buffer.from(text));
