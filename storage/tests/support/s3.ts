import { createServer } from 'node:http';
import { AddressInfo } from 'node:net';
import S3rver from 's3rver';
import { signatureProblem } from './signature';

/** A running S3-compatible service with the bucket "jobs" and the user S3RVER. */
export type S3Service = { url: string; stop: () => Promise<void> };

/** s3rver behind a check of signatures, which s3rver itself does not make for version 4. */
export async function startS3(directory: string): Promise<S3Service> {
    const s3rver = new S3rver({ silent: true, directory, configureBuckets: [{ name: 'jobs', configs: [] }] });
    await s3rver.configureBuckets();
    const answer = s3rver.callback();
    const http = createServer((request, response) => {
        const problem = signatureProblem(request, { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }, Date.now());
        if (problem === null) {
            answer(request, response);
        } else {
            request.resume();
            response.writeHead(403).end(`<Error><Code>${problem}</Code><Message>Refused.</Message></Error>`);
        }
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return {
        url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
        stop: async () => {
            http.closeAllConnections();
            await new Promise((resolve) => http.close(resolve));
        },
    };
}
