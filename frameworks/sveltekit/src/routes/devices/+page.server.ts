import type { Actions, PageServerLoad } from "./$types";

export const load: PageServerLoad = async ({ locals }) => ({ devices: await locals.session.devices() });

export const actions: Actions = {
  async end({ locals, request }) {
    const form = await request.formData();
    await locals.session.logoutDevice(String(form.get("id")));
  },
};
