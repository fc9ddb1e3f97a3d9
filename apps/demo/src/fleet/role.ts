/** What a process of the shop is started with. */
export interface Role {
  readonly role: 'gateway' | 'checkout' | 'load';
  readonly instance: string;
  /** Where the demo answers its processes. */
  readonly control: string;
  /** Where Vigil takes OTLP. */
  readonly vigil: string;
}
