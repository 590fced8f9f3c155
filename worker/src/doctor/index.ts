import { checkAttestation } from './attestation';
import { checkChain } from './chain';
import { checkConfiguration } from './configuration';
import { checkData } from './data';
import { CheckGroup } from './doctor';
import { checkEndpoint } from './endpoint';
import { checkEngine } from './engine';
import { checkHost } from './host';
import { checkMarket } from './market';
import { checkProvider } from './provider';
import { checkSettlement } from './settlement';

/** All checks, in an order in which later ones can use what earlier ones found out. */
export const checkGroups: readonly CheckGroup[] = [
    { title: 'Configuration', run: checkConfiguration },
    { title: 'Data', run: checkData },
    { title: 'Engine', run: checkEngine },
    { title: 'Host', run: checkHost },
    { title: 'Chain', run: checkChain },
    { title: 'Provider', run: checkProvider },
    { title: 'Settlement', run: checkSettlement },
    { title: 'Attestation', run: checkAttestation },
    { title: 'Endpoint', run: checkEndpoint },
    { title: 'Market', run: checkMarket },
];

export { examine, type CheckGroup, type Examination, type Facts } from './doctor';
export type { Finding, FindingStatus } from './finding';
export { DoctorPrinter, summaryOf } from './print';
