import { CaType } from '../certificate';
import { CollateralJson } from '../collateral';
import { AttestationError } from '../errors';

/** A service that hands out Intel's collateral. */
export type CollateralSource = {
    /** Without a slash at the end; `/sgx/certification/v4/...` and `/tdx/certification/v4/...` follow. */
    baseUrl: string;
    /** Where the revocation list of the root is. */
    rootCrlUrl: string;
};

/** Intel's own service. */
export const IntelPcs: CollateralSource = {
    baseUrl: 'https://api.trustedservices.intel.com',
    rootCrlUrl: 'https://certificates.trustedservices.intel.com/IntelSGXRootCA.der',
};

/** A caching service (PCCS) of a data centre or a cloud. @param baseUrl like https://pccs.example:8081. */
export function pccs(baseUrl: string): CollateralSource {
    const trimmed = baseUrl.replace(/\/+$/, '').replace(/\/(sgx|tdx)\/certification\/v4$/, '');
    return { baseUrl: trimmed, rootCrlUrl: `${trimmed}/sgx/certification/v4/rootcacrl` };
}

/** Machines that one set of collateral is for. */
export type CollateralTarget = {
    /** Processor model, 12 hexadecimal digits. */
    fmspc: string;
    /** CA of their PCK certificates. */
    ca: CaType;
};

export type FetchOptions = {
    /** For each request, seconds; 30 if left out. */
    timeoutSeconds?: number;
    signal?: AbortSignal;
    /** Replaces the global `fetch`. */
    fetch?: typeof fetch;
};

/** Revocation lists of Intel have a few thousand bytes. */
const MaxBytes = 4 * 1024 * 1024;

/**
 * Fetches all collateral of one processor model. Nothing is verified: the contracts do that.
 * @throws AttestationError when a request fails, is late, or is answered with something else.
 */
export async function fetchCollateral(
    source: CollateralSource,
    { fmspc, ca }: CollateralTarget,
    options: FetchOptions = {},
): Promise<CollateralJson> {
    if (!/^[0-9a-f]{12}$/i.test(fmspc)) {
        throw new AttestationError('bad_argument', `FMSPC "${fmspc}": expected 12 hexadecimal digits, like 90C06F000000.`);
    }
    const url = (tee: string, path: string) => `${source.baseUrl}/${tee}/certification/v4/${path}`;
    // One request that fails ends the others.
    const ended = new AbortController();
    const { signal } = options;
    const all = { ...options, signal: signal ? AbortSignal.any([signal, ended.signal]) : ended.signal };
    const [pckCrl, rootCrl, tcbInfo, qeIdentity] = await Promise.all([
        get(url('sgx', `pckcrl?ca=${ca}&encoding=der`), all),
        get(source.rootCrlUrl, all),
        get(url('tdx', `tcb?fmspc=${fmspc.toUpperCase()}`), all),
        get(url('tdx', 'qe/identity'), all),
    ]).finally(() => ended.abort());
    const tcb = signedMember(tcbInfo, 'tcbInfo');
    const qe = signedMember(qeIdentity, 'enclaveIdentity');
    return {
        pck_crl_issuer_chain: issuerChain(pckCrl, ['SGX-PCK-CRL-Issuer-Chain']),
        root_ca_crl: listOf(rootCrl).toString('hex'),
        pck_crl: listOf(pckCrl).toString('hex'),
        tcb_info_issuer_chain: issuerChain(tcbInfo, ['TCB-Info-Issuer-Chain', 'SGX-TCB-Info-Issuer-Chain']),
        tcb_info: tcb.text,
        tcb_info_signature: tcb.signature,
        qe_identity_issuer_chain: issuerChain(qeIdentity, ['SGX-Enclave-Identity-Issuer-Chain']),
        qe_identity: qe.text,
        qe_identity_signature: qe.signature,
    };
}

type Answer = { url: string; headers: Headers; body: Buffer };

async function get(url: string, options: FetchOptions): Promise<Answer> {
    const { timeoutSeconds = 30, signal, fetch: request = fetch } = options;
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    try {
        const response = await request(url, { signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
        if (!response.ok) {
            await response.body?.cancel();
            throw failed(url, `answered ${response.status}`, 'Check the address, the FMSPC and the CA, or try later.');
        }
        const body = Buffer.from(await response.arrayBuffer());
        if (body.length === 0 || body.length > MaxBytes) {
            throw failed(url, `answered with ${body.length} bytes`, `Expected 1 to ${MaxBytes}; check the address.`);
        }
        return { url, headers: response.headers, body };
    } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof AttestationError) {
            throw error;
        }
        const late = timeout.aborted;
        throw failed(
            url,
            late ? `did not answer within ${timeoutSeconds} s` : 'could not be reached',
            'Check the network, or use another PCS or PCCS.',
            error,
        );
    }
}

function issuerChain({ url, headers }: Answer, names: readonly string[]): string {
    const value = names.map((name) => headers.get(name)).find((header) => header !== null);
    if (value === undefined || value === null) {
        throw failed(url, `answered without the header ${names[0]}`, 'Expected a PCS or PCCS of version 4.');
    }
    try {
        return decodeURIComponent(value);
    } catch (error) {
        throw failed(url, `answered with a header ${names[0]} that is not URL-encoded`, 'Check the service.', error);
    }
}

/** The text that is signed, byte for byte: parsing and writing it again could change it. */
function signedMember({ url, body }: Answer, member: string): { text: string; signature: string } {
    const expression = new RegExp(`^\\s*\\{\\s*"${member}"\\s*:\\s*(\\{.*\\})\\s*,\\s*"signature"\\s*:\\s*"([0-9a-fA-F]{128})"\\s*\\}\\s*$`, 's');
    const match = expression.exec(body.toString('utf8'));
    if (match === null) {
        throw failed(url, `answered something else than {"${member}":{...},"signature":"..."}`, 'Check the service.');
    }
    return { text: match[1], signature: match[2] };
}

/** Services answer in DER, PEM or hexadecimal, some whatever they were asked for. */
function listOf({ url, body }: Answer): Buffer {
    if (body[0] === 0x30 && body[1] & 0x80) {
        return body;
    }
    const text = body.toString('latin1').trim();
    if (/^([0-9a-f]{2})+$/i.test(text)) {
        return Buffer.from(text, 'hex');
    }
    const pem = /-----BEGIN X509 CRL-----([^-]+)-----END X509 CRL-----/.exec(text);
    if (pem === null) {
        throw failed(url, 'answered no revocation list', 'Expected DER, PEM or hexadecimal; check the address.');
    }
    return Buffer.from(pem[1], 'base64');
}

function failed(url: string, problem: string, advice: string, cause?: unknown): AttestationError {
    return new AttestationError('fetch_failed', `${url} ${problem}. ${advice}`, { cause });
}
