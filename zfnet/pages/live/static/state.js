// What this tab looks at. Nothing of it is kept by the server but the pictures, which only this tab knows by name.
export const state = {
  about: null, network: 0, picture: null, before: null, layer: [null, null], unit: null, rule: "deconvnet",
  mode: "look", maps: null, count: 48, place: null,
};
export const net = () => state.about.networks[state.network];
export const layer = () => net().layers.find((one) => one.name === state.layer[state.network]);
export const size = () => net().size;
// The part of every question that says what is looked at.
export const looked = (more = {}) => ({network: state.network, picture: state.picture.picture, layer: state.layer[state.network], rule: state.rule, ...more});
export const past = () => (state.before ? {before: state.before.picture} : {});

// What is looked at now, to tell an answer that comes too late: other things may have been chosen meanwhile.
export const looking = () => [state.network, state.picture.picture, state.layer[state.network], state.rule].join();

const heard = {};
export const on = (event, work) => (heard[event] = [...(heard[event] || []), work]);
export const tell = (event, ...given) => Promise.all((heard[event] || []).map((work) => work(...given)));
