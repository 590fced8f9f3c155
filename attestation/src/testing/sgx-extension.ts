import { SgxOid } from '../sgx-extension';
import { Tag } from '../der';
import { boolean, element, integer, objectId, octets, sequence } from './der';

/** What a PCK certificate says of its machine. */
export type SgxFields = {
    /** 16 bytes. */
    ppid: Buffer;
    /** 16 numbers. */
    componentSvns: readonly number[];
    pceSvn: number;
    /** 16 bytes. */
    cpuSvn: Buffer;
    /** 2 bytes. */
    pceId: Buffer;
    /** 6 bytes. */
    fmspc: Buffer;
    /** 16 bytes, or null as in certificates of the Processor CA, which have no platform configuration either. */
    platformInstanceId: Buffer | null;
    /** Platform configuration, with `platformInstanceId` only. */
    configuration: { dynamicPlatform: boolean; cachedKeys: boolean; smtEnabled: boolean };
};

/** @returns the value of Intel's SGX extension. */
export function sgxValue(fields: SgxFields): Buffer {
    const field = (oid: string, value: Buffer) => sequence(objectId(oid), value);
    const { dynamicPlatform, cachedKeys, smtEnabled } = fields.configuration;
    const svns = [...fields.componentSvns, fields.pceSvn].map((svn, index) =>
        field(`${SgxOid.tcb}.${index + 1}`, integer(svn)),
    );
    return sequence(
        field(SgxOid.ppid, octets(fields.ppid)),
        field(SgxOid.tcb, sequence(...svns, field(`${SgxOid.tcb}.18`, octets(fields.cpuSvn)))),
        field(SgxOid.pceId, octets(fields.pceId)),
        field(SgxOid.fmspc, octets(fields.fmspc)),
        field(SgxOid.sgxType, element(Tag.Enumerated, Buffer.from([fields.platformInstanceId === null ? 0 : 1]))),
        ...(fields.platformInstanceId === null
            ? []
            : [
                  field(SgxOid.platformInstanceId, octets(fields.platformInstanceId)),
                  field(
                      SgxOid.configuration,
                      sequence(
                          ...[dynamicPlatform, cachedKeys, smtEnabled].map((flag, index) =>
                              field(`${SgxOid.configuration}.${index + 1}`, boolean(flag)),
                          ),
                      ),
                  ),
              ]),
    );
}
