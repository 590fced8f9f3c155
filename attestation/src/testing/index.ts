export * from './authority';
export * from './platform';
export * from './quote-source';
export { keyIdentifier, makeCertificate, signDer, type CertificateFields, type Issued } from './certificate';
export { makeCrl, type CrlFields } from './crl';
export { keyPair, signWith, type KeyPair } from './keys';
export { IntelQeVendorId, makeQuote, type HeaderFields, type QeFields, type QuoteParts, type TdFields } from './quote';
export type { SgxFields } from './sgx-extension';
export type { IsvLevel, ModuleIdentity, QeIdentityFields, TcbInfoFields, TcbLevel, TcbStatusName } from './tcb-info';
