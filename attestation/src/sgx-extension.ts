import { contentOf, dottedOid, Element, readElement, readElements, Tag } from './der';
import { AttestationError } from './errors';

/** Object identifiers of Intel's SGX extension of PCK certificates. */
export const SgxOid = {
    extension: '1.2.840.113741.1.13.1',
    ppid: '1.2.840.113741.1.13.1.1',
    tcb: '1.2.840.113741.1.13.1.2',
    pceId: '1.2.840.113741.1.13.1.3',
    fmspc: '1.2.840.113741.1.13.1.4',
    sgxType: '1.2.840.113741.1.13.1.5',
    platformInstanceId: '1.2.840.113741.1.13.1.6',
    configuration: '1.2.840.113741.1.13.1.7',
} as const;

/** What a PCK certificate says of the machine. */
export type SgxExtension = {
    /** Platform provisioning id, 16 bytes: the same in all certificates of a machine. */
    ppid: Buffer;
    /** Security version numbers of 16 components. */
    componentSvns: number[];
    /** Security version number of the provisioning certification enclave. */
    pceSvn: number;
    /** 16 bytes, as the processor reports them. */
    cpuSvn: Buffer;
    /** 2 bytes. */
    pceId: Buffer;
    /** Processor model, 6 bytes: which TCB info counts. */
    fmspc: Buffer;
    /** 16 bytes; certificates of the Processor CA have none. */
    platformInstanceId: Buffer | null;
};

const What = 'PCK certificate, SGX extension';

/**
 * @param value content of the extension's OCTET STRING.
 * @throws AttestationError when a field is missing or has another form.
 */
export function parseSgxExtension(value: Buffer): SgxExtension {
    const fields = fieldsOf(value, readElement(value, 0, What, Tag.Sequence));
    const tcb = fieldsOf(value, field(fields, SgxOid.tcb, Tag.Sequence));
    const svn = (index: number) => numberOf(contentOf(value, field(tcb, `${SgxOid.tcb}.${index}`, Tag.Integer)));
    const octets = (from: Map<string, Element>, oid: string, length: number) => {
        const bytes = contentOf(value, field(from, oid, Tag.OctetString));
        if (bytes.length !== length) {
            throw malformed(`field ${oid} has ${bytes.length} bytes instead of ${length}`);
        }
        return bytes;
    };
    return {
        ppid: octets(fields, SgxOid.ppid, 16),
        componentSvns: Array.from({ length: 16 }, (_, index) => svn(index + 1)),
        pceSvn: svn(17),
        cpuSvn: octets(tcb, `${SgxOid.tcb}.18`, 16),
        pceId: octets(fields, SgxOid.pceId, 2),
        fmspc: octets(fields, SgxOid.fmspc, 6),
        platformInstanceId: fields.has(SgxOid.platformInstanceId)
            ? octets(fields, SgxOid.platformInstanceId, 16)
            : null,
    };
}

/** Values of `SEQUENCE { SEQUENCE { OBJECT IDENTIFIER, value } ... }` by object identifier. */
function fieldsOf(value: Buffer, sequence: Element): Map<string, Element> {
    return new Map(
        readElements(value, sequence.content, sequence.end, What).map((pair) => {
            const oid = readElement(value, pair.content, What, Tag.ObjectId);
            return [dottedOid(contentOf(value, oid)), readElement(value, oid.end, What)];
        }),
    );
}

function field(fields: Map<string, Element>, oid: string, tag: number): Element {
    const element = fields.get(oid);
    if (element === undefined || element.tag !== tag) {
        throw malformed(`field ${oid} is missing or of another type`);
    }
    return element;
}

function numberOf(content: Buffer): number {
    if (content.length < 1 || content.length > 3) {
        throw malformed(`a version number has ${content.length} bytes`);
    }
    return content.readUIntBE(0, content.length);
}

function malformed(problem: string): AttestationError {
    return new AttestationError(
        'bad_collateral',
        `${What}: ${problem}. Expected a PCK certificate of Intel for a TDX machine.`,
    );
}
